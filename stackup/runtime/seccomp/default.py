"""The system calls that a container may make when its file says nothing else. Data, and its reading.

Law: an allow-list. Every call that `kernel.syscalls` knows stands in exactly one place here, so that who adds one
has to decide (a test holds this): allowed, allowed for certain arguments, allowed to who holds a capability, or
refused with EPERM. Refused is what acts on the whole machine, what programs do not need and the kernel has had trouble
with (io_uring, userfaultfd, keys that know no namespaces), and ways back into namespaces of one's own.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from stackup.kernel import syscalls
from stackup.kernel.abi import (
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
)
from stackup.runtime.seccomp.rules import ALLOW, ENOSYS, EPERM, ERRNO, Check, Profile, Rule

ALLOWED = {
    "files": """
        access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2
        fadvise64 fadvise64_64 arm_fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat
        fcntl fcntl64 fdatasync fgetxattr file_getattr file_setattr flistxattr flock fremovexattr fsetxattr fstat
        fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64 getxattr
        getxattrat ioctl lchown lchown32 lgetxattr link linkat listxattr listxattrat llistxattr lremovexattr lseek
        _llseek lsetxattr lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at newfstatat oldfstat oldlstat
        oldstat open openat openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readdir readlink
        readlinkat readv removexattr removexattrat rename renameat renameat2 rmdir sendfile sendfile64 setxattr
        setxattrat splice stat stat64 statfs statfs64 statx symlink symlinkat sync sync_file_range arm_sync_file_range
        syncfs tee truncate truncate64 umask unlink unlinkat utime utimensat utimensat_time64 utimes vmsplice write
        writev
    """,
    "memory": """
        brk cacheflush madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap
        mmap2 mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect
        process_mrelease remap_file_pages riscv_flush_icache
    """,
    "processes": """
        arch_prctl breakpoint capget capset execve execveat exit exit_group fork get_robust_list get_thread_area
        get_tls getcpu getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getpgid getpgrp getpid
        getppid getpriority getresgid getresgid32 getresuid getresuid32 getrlimit getrusage getsid gettid getuid
        getuid32 idle ioprio_get ioprio_set kill landlock_add_rule landlock_create_ruleset landlock_restrict_self
        lsm_get_self_attr lsm_list_modules lsm_set_self_attr modify_ldt nice pause pidfd_open pidfd_send_signal prctl
        prlimit64 ptrace restart_syscall riscv_hwprobe rseq sched_get_priority_max sched_get_priority_min
        sched_getaffinity sched_getattr sched_getparam sched_getscheduler sched_rr_get_interval
        sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield
        seccomp set_robust_list set_thread_area set_tid_address set_tls setfsgid setfsgid32 setfsuid setfsuid32 setgid
        setgid32 setgroups setgroups32 setpgid setpriority setregid setregid32 setresgid setresgid32 setresuid
        setresuid32 setreuid setreuid32 setrlimit setsid setuid setuid32 tgkill tkill ugetrlimit usr26 usr32 vfork wait4
        waitid waitpid
    """,
    "signals": """
        rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
        rt_sigtimedwait_time64 rt_tgsigqueueinfo sgetmask sigaction sigaltstack signal signalfd signalfd4 sigpending
        sigprocmask sigreturn sigsuspend ssetmask
    """,
    "waiting": """
        _newselect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait
        epoll_wait_old eventfd eventfd2 fanotify_mark futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake
        inotify_add_watch inotify_init inotify_init1 inotify_rm_watch io_cancel io_destroy io_getevents io_pgetevents
        io_pgetevents_time64 io_setup io_submit pipe pipe2 poll ppoll ppoll_time64 pselect6 pselect6_time64 select
    """,
    "between processes": """
        ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64
        mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget
    """,
    "network": """
        accept accept4 bind connect getpeername getsockname getsockopt listen recv recvfrom recvmmsg recvmmsg_time64
        recvmsg send sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair
    """,
    "time": """
        adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
        clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create
        timer_delete timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create
        timerfd_gettime timerfd_gettime64 timerfd_settime timerfd_settime64 times
    """,
    "the machine": "cachestat getrandom olduname oldolduname sysinfo uname",
}

GUARDED = {
    "DAC_READ_SEARCH": "open_by_handle_at",
    "SYS_ADMIN": """
        bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick listmount lookup_dcookie mount mount_setattr
        move_mount open_tree open_tree_attr perf_event_open pivot_root quotactl quotactl_fd setdomainname sethostname
        setns statmount syslog umount umount2 unshare
    """,
    "SYS_BOOT": "reboot",
    "SYS_CHROOT": "chroot",
    "SYS_MODULE": "delete_module finit_module init_module",
    "SYS_NICE": "get_mempolicy mbind migrate_pages move_pages set_mempolicy set_mempolicy_home_node",
    "SYS_PACCT": "acct",
    "SYS_PTRACE": "kcmp pidfd_getfd process_madvise process_vm_readv process_vm_writev",
    "SYS_RAWIO": "ioperm iopl",
    "SYS_TIME": "clock_settime clock_settime64 settimeofday stime",
    "SYS_TTY_CONFIG": "vhangup",
    "SYSLOG": "syslog",
    "BPF": "bpf",
    "PERFMON": "perf_event_open",
}
"""Calls that mean nothing, or too much, without a capability."""

CHECKED = "clone clone3 personality socket"
"""`_checked` says for which arguments."""

REFUSED = """
    _sysctl add_key afs_syscall bdflush break create_module ftime get_kernel_syms getpmsg gtty io_uring_enter
    io_uring_register io_uring_setup kexec_file_load kexec_load keyctl lock mpx nfsservctl pciconfig_iobase
    pciconfig_read pciconfig_write prof profil putpmsg query_module request_key security stty swapoff swapon sysfs
    tuxcall ulimit uprobe uretprobe uselib userfaultfd ustat vm86 vm86old vserver
"""

_NEW_NAMESPACES = (
    CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET
)
_INT = 0xFFFFFFFF
"""The kernel reads these arguments as an `int`: bits above it would slip past a comparison of all 64."""
_PERSONAS = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)
"""Linux, 32-bit Linux, each as version 2.6 too, and the question which it is."""
_AF_ALG, _AF_VSOCK = 38, 40


def default_profile(capabilities: Iterable[str]) -> Profile:
    held = frozenset(capabilities)
    allowed = tuple(name for text in ALLOWED.values() for name in text.split())
    guarded = tuple(name for key, text in GUARDED.items() if key in held for name in text.split())
    known = {name for text in (*GUARDED.values(), REFUSED) for name in text.split()}
    refused = tuple(sorted(known - {*allowed, *guarded, *CHECKED.split()}))
    return Profile(
        (Rule(allowed + guarded, ALLOW), *_checked(held), Rule(refused, ERRNO | EPERM)),
        ERRNO | EPERM,
        frozenset(("x32", *syscalls.AUDIT)),
    )


def _checked(held: frozenset[str]) -> Iterator[Rule]:
    """No address families that lead to the hypervisor or to the kernel's ciphers, no other address space layouts, and
    without SYS_ADMIN no new namespaces: clone3 keeps its flags in memory, where no filter looks, so it does not exist.
    """
    families = tuple(Check(0, "!=", family, _INT) for family in (_AF_ALG, _AF_VSOCK))
    yield Rule(("socket",), ALLOW, families)
    for persona in _PERSONAS:
        yield Rule(("personality",), ALLOW, (Check(0, "==", persona, _INT),))
    if "SYS_ADMIN" not in held:
        yield Rule(("clone",), ALLOW, (Check(0, "==", 0, _NEW_NAMESPACES),))
        yield Rule(("clone3",), ERRNO | ENOSYS)
