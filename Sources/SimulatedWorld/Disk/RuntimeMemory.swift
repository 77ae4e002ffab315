// The runtime directory (tmpfs) of a simulated node: files in allocated memory.
//
// They survive the crash of the process and are wiped by a power cut. A mapping stays readable and writable for the
// life of the process that made it, even when its file was removed or replaced. After a crash the files are copied, so
// that a store by what is left of the crashed process (a deinit) reaches nobody; its memory is freed at the next crash.

import World

final class RuntimeMemory {
    private struct File {
        var memory: UnsafeMutableRawBufferPointer
        /// Bytes in use; the memory may be larger as long as it is not mapped.
        var count: Int
        var isMapped = false
    }

    private let capacityBytes: Int
    /// Others have filled the tmpfs: nothing grows any more.
    var isFull = false
    private var files: [String: File] = [:]
    /// Memory that a process may still hold a mapping of.
    private var held: [UnsafeMutableRawBufferPointer] = []
    /// Memory of processes that are gone.
    private var abandoned: [UnsafeMutableRawBufferPointer] = []

    init(capacityBytes: Int) { self.capacityBytes = capacityBytes }

    deinit {
        for file in files.values { file.memory.deallocate() }
        for memory in held + abandoned { memory.deallocate() }
    }

    var list: [FileEntry] { files.keys.sorted().map { FileEntry(name: $0, bytes: files[$0]!.count) } }

    func map(_ name: String, bytes: Int) throws(DiskFault) -> UnsafeMutableRawBufferPointer {
        invariant(bytes > 0, "\(name): a mapping of \(bytes) bytes")
        if var file = files[name], file.count == bytes {
            file.isMapped = true
            files[name] = file
            return UnsafeMutableRawBufferPointer(rebasing: file.memory[..<bytes])
        }
        try demandSpace(bytes - (files[name]?.count ?? 0))
        drop(name)
        let memory = Self.zeroed(bytes)
        files[name] = File(memory: memory, count: bytes, isMapped: true)
        return memory
    }

    func write(_ name: String, at offset: Int, _ bytes: UnsafeRawBufferPointer) throws(DiskFault) {
        let end = offset + bytes.count
        var file = files[name] ?? File(memory: Self.zeroed(0), count: 0)
        if end > file.count {
            try demandSpace(end - file.count)
            if end > file.memory.count {
                invariant(!file.isMapped, "\(name): the simulation cannot lengthen a mapped file")
                let larger = Self.zeroed(max(end, 2 * file.memory.count))
                larger.copyMemory(from: UnsafeRawBufferPointer(rebasing: file.memory[..<file.count]))
                file.memory.deallocate()
                file.memory = larger
            }
            file.count = end
        }
        UnsafeMutableRawBufferPointer(rebasing: file.memory[offset..<end]).copyMemory(from: bytes)
        files[name] = file
    }

    func read(_ name: String, at offset: Int, into bytes: UnsafeMutableRawBufferPointer) throws(DiskFault) -> Int {
        guard let file = files[name] else { throw .noSuchFile }
        let count = max(0, min(bytes.count, file.count - offset))
        guard count > 0 else { return 0 }
        bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: file.memory[offset..<(offset + count)]))
        return count
    }

    func remove(_ name: String) throws(DiskFault) {
        guard files[name] != nil else { throw .noSuchFile }
        drop(name)
    }

    func flipBits(in name: String, at offset: Int, mask: UInt8) {
        guard let file = files[name], offset < file.count else { invariantFailed("no byte \(offset) of \(name)") }
        file.memory[offset] ^= mask
    }

    /// The process is gone: the files stay, in memory that it knows nothing of.
    func processEnded() {
        buryHeld()
        for (name, file) in files {
            let memory = Self.zeroed(file.count)
            memory.copyMemory(from: UnsafeRawBufferPointer(rebasing: file.memory[..<file.count]))
            abandoned.append(file.memory)
            files[name] = File(memory: memory, count: file.count)
        }
    }

    func wipe() {
        buryHeld()
        abandoned += files.values.map(\.memory)
        files = [:]
    }

    private func buryHeld() {
        for memory in abandoned { memory.deallocate() }
        abandoned = held
        held = []
    }

    private func drop(_ name: String) {
        guard let file = files.removeValue(forKey: name) else { return }
        if file.isMapped { held.append(file.memory) } else { file.memory.deallocate() }
    }

    private func demandSpace(_ bytes: Int) throws(DiskFault) {
        let used = files.values.reduce(0) { $0 + $1.count }
        if used + bytes > capacityBytes || isFull && bytes > 0 { throw .full }
    }

    private static func zeroed(_ bytes: Int) -> UnsafeMutableRawBufferPointer {
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: bytes, alignment: 4_096)
        memory.initializeMemory(as: UInt8.self, repeating: 0)
        return memory
    }
}
