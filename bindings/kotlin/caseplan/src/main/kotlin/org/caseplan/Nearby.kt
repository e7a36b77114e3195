package org.caseplan

import kotlinx.coroutines.flow.Flow
import kotlinx.coroutines.flow.channelFlow
import kotlinx.coroutines.flow.conflate

/** What somebody is known to hold may be otherwise then, also where a connection broke. */
private val AT_REST = setOf(SyncState.UP_TO_DATE, SyncState.OVER)

/** Sync over the local network, whose sockets and threads are the core's. */
internal fun Engine.nearby(): Flow<List<NearbyPeer>> =
    channelFlow {
        val listener =
            object : NearbyListener {
                override fun onNearby(peers: List<NearbyPeer>) {
                    trySend(peers)
                    if (peers.any { it.progress.state in AT_REST }) markOnlyHere()
                }
            }
        try {
            long("nearby") { core, token -> core.syncNearby(listener, token) }
        } finally {
            markOnlyHere()
        }
    }.conflate()
