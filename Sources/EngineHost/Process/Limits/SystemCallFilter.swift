import CLinux
import FleetModel
import Glibc

/// System calls that no engine needs and that would reach out of the host: they fail with `EPERM`, by Linux's seccomp.
///
/// A list of what is refused, not of what is allowed: a C library that begins to use another harmless call must not end every host. It is the second
/// wall; that nothing but the node's socket is open, and no file beyond the data directory (``Landlock``), is the first.
enum SystemCallFilter {
    /// Other machines and other processes; other programs; rights, mounts and the kernel itself; rings that would go round this filter.
    private static var refused: [Int32] {
        [
            SYS_socket, SYS_connect, SYS_bind, SYS_listen, SYS_accept, SYS_accept4, SYS_execve, SYS_execveat, SYS_ptrace,
            SYS_process_vm_readv, SYS_process_vm_writev, SYS_pidfd_open, SYS_pidfd_getfd, SYS_pidfd_send_signal, SYS_kexec_load, SYS_reboot,
            SYS_mount, SYS_umount2, SYS_pivot_root, SYS_chroot, SYS_unshare, SYS_setns, SYS_init_module, SYS_finit_module, SYS_delete_module,
            SYS_bpf, SYS_perf_event_open, SYS_userfaultfd, SYS_keyctl, SYS_add_key, SYS_request_key, SYS_io_uring_setup, SYS_io_uring_enter,
            SYS_io_uring_register, SYS_open_by_handle_at, SYS_swapon, SYS_swapoff, SYS_setuid, SYS_setgid, SYS_setreuid, SYS_setregid,
            SYS_setresuid, SYS_setresgid, SYS_setgroups, SYS_capset, SYS_acct, SYS_quotactl, SYS_settimeofday, SYS_clock_settime, SYS_adjtimex,
            // A host signals itself when it aborts, by another call, and nobody else.
            SYS_kill, SYS_tkill, SYS_rt_sigqueueinfo, SYS_rt_tgsigqueueinfo,
        ] + processes
    }

    /// Calls that only make processes; with the general one it depends on what is asked for.
    private static var processes: [Int32] {
        #if arch(x86_64)
        [SYS_fork, SYS_vfork]
        #else
        []
        #endif
    }

    private static var architecture: UInt32 {
        #if arch(x86_64)
        0xC000_003E
        #elseif arch(arm64)
        0xC000_00B7
        #else
        0
        #endif
    }

    private static let load: UInt16 = 0x20, equals: UInt16 = 0x15, hasBits: UInt16 = 0x45, answer: UInt16 = 0x06
    private static let allow: UInt32 = 0x7FFF_0000
    private static let fail: UInt32 = 0x0005_0000
    private static let threadFlag: UInt32 = 0x0001_0000

    /// - Returns: whether it is in force for the calling thread and those it starts.
    static func install() -> Bool {
        guard architecture != 0 else {
            errno = ENOSYS
            return false
        }
        var filter = program()
        return berth_seccomp(UInt16(filter.count), &filter) == 0
    }

    /// Of `struct seccomp_data`: the call's number at 0, the architecture at 4, the low half of the first argument at 16.
    private static func program() -> [sock_filter] {
        var program: [sock_filter] = [
            sock_filter(code: load, jt: 0, jf: 0, k: 4),
            sock_filter(code: equals, jt: 1, jf: 0, k: architecture),
            sock_filter(code: answer, jt: 0, jf: 0, k: fail | UInt32(ENOSYS)),
            sock_filter(code: load, jt: 0, jf: 0, k: 0),
        ]
        for call in refused {
            program.append(sock_filter(code: equals, jt: 0, jf: 1, k: UInt32(call)))
            program.append(sock_filter(code: answer, jt: 0, jf: 0, k: fail | UInt32(EPERM)))
        }
        for (call, process) in [(SYS_tgkill, UInt32(getpid())), (SYS_prlimit64, 0)] {
            program += [
                sock_filter(code: equals, jt: 0, jf: 4, k: UInt32(call)),
                sock_filter(code: load, jt: 0, jf: 0, k: 16),
                sock_filter(code: equals, jt: 1, jf: 0, k: process),
                sock_filter(code: answer, jt: 0, jf: 0, k: fail | UInt32(EPERM)),
                sock_filter(code: answer, jt: 0, jf: 0, k: allow),
            ]
        }
        // The C library asks for threads with the newer call, whose flags a filter cannot see, and takes the older one where that is missing.
        program += [
            sock_filter(code: equals, jt: 0, jf: 1, k: UInt32(SYS_clone3)),
            sock_filter(code: answer, jt: 0, jf: 0, k: fail | UInt32(ENOSYS)),
            sock_filter(code: equals, jt: 0, jf: 3, k: UInt32(SYS_clone)),
            sock_filter(code: load, jt: 0, jf: 0, k: 16),
            sock_filter(code: hasBits, jt: 1, jf: 0, k: threadFlag),
            sock_filter(code: answer, jt: 0, jf: 0, k: fail | UInt32(EPERM)),
            sock_filter(code: answer, jt: 0, jf: 0, k: allow),
        ]
        invariant(program.count <= 4_096, "the kernel takes no filter of more instructions")
        return program
    }
}
