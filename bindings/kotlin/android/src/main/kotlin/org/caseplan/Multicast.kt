package org.caseplan

import android.content.Context
import android.net.wifi.WifiManager

/**
 * Does [work] while the phone lets multicast through, without which it finds nobody nearby. It costs battery, so only as
 * long as somebody looks:
 *
 * ```
 * withMulticast(context) { store.sync.nearby().collect { render(it) } }
 * ```
 *
 * Needs the permission `CHANGE_WIFI_MULTICAST_STATE`.
 */
public suspend fun <T> withMulticast(
    context: Context,
    work: suspend () -> T,
): T {
    val wifi = context.applicationContext.getSystemService(Context.WIFI_SERVICE) as WifiManager?
    // A device without Wi-Fi has no such filter.
    val lock = wifi?.createMulticastLock("caseplan")
    lock?.acquire()
    try {
        return work()
    } finally {
        lock?.release()
    }
}
