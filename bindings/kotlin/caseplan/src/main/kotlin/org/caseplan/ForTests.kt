package org.caseplan

import java.time.Instant
import java.util.concurrent.ConcurrentHashMap

/** For an app's own tests: a clock that stands still until it is set. */
public class FixedClock(
    /** The time it stands at. */
    @Volatile public var time: Instant,
) : StoreClock {
    override fun now(): Instant = time
}

/** For an app's own tests: a vault in memory. Without it, the store that it belongs to opens read-only. */
public class MemoryKeyVault : KeyVault {
    private val secrets = ConcurrentHashMap<String, ByteArray>()

    override fun load(name: String): ByteArray? = secrets[name]?.copyOf()

    override fun store(
        name: String,
        secret: ByteArray,
    ) {
        secrets[name] = secret.copyOf()
    }

    override fun delete(name: String) {
        secrets.remove(name)
    }
}
