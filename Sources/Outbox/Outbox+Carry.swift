// For whoever delivers another's outbox and leaves all else in it as it is: of the checkpoint that was found only the
// cursors move on.

public import World

extension Outbox where D: ~Copyable {
    /// Removes what is acknowledged and no longer held; true once the disk has answered.
    public mutating func finishRemoving() -> Bool {
        removeWhatIsAcknowledged(atTheEnd: true)
        queue.submit(to: &disk)
        return !queue.isPending(.remove)
    }

    /// Writes down what has been acknowledged since, for streams that are stored. Without a checkpoint there is nothing
    /// to move on: an interrupted delivery then repeats what was acknowledged of a segment that is still there.
    ///
    /// A number that was given up is in the cursor, too, and must not be there before its tombstone is safe: what is
    /// ours is spilled first (`isLast`), or acknowledged.
    public mutating func writeCursorsOnly(isLast: Bool, now: Boottime) {
        guard let found = recovery.checkpoint, !queue.isPending(.checkpoint) else { return }
        if isLast {
            spillWhatIsDue(now: now, isOffering: false, everything: true)
        } else if Lane.allCases.contains(where: { uplink[stream, $0].firstMissing(from: 1) < open.nextSequence($0) }) {
            return
        }
        generation += 1
        hasCheckpointFailed = false
        var checkpoint = found
        checkpoint.generation = generation
        checkpoint.cursor = uplink
        let slot = checkpoint.encoded()
        flashBytesWritten += UInt64(slot.count)
        flashSyncs += 1
        if !hasWrittenCheckpoint {
            // As in `writeCheckpoint`: the slot that was read is safe before the other is touched.
            queue.ask(.sync(file: StateFile.checkpoint), .checkpoint)
        }
        hasWrittenCheckpoint = true
        queue.ask(.write(file: StateFile.checkpoint, offset: checkpoint.slotOffset, bytes: slot), .checkpoint)
        queue.ask(.sync(file: StateFile.checkpoint), .checkpoint)
        queue.submit(to: &disk)
    }
}
