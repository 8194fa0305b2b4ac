"""Numbers of system calls on x86_64, and the names of those that a locked worker is denied."""

_PROCESSES = {"fork": 57, "vfork": 58, "execve": 59, "execveat": 322, "setpgid": 109, "setsid": 112}
_SIGNALS = {"tkill": 200, "rt_sigqueueinfo": 129, "rt_tgsigqueueinfo": 297, "pidfd_send_signal": 424}
_OTHER_PROCESSES = {
    "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311, "process_madvise": 440, "process_mrelease": 448,
    "kcmp": 312, "pidfd_open": 434, "pidfd_getfd": 438, "move_pages": 279, "migrate_pages": 256,
}  # fmt: skip
_SOCKETS = {"socket": 41, "connect": 42, "accept": 43, "bind": 49, "listen": 50, "accept4": 288}
_PRIORITIES = {
    "setpriority": 141, "sched_setparam": 142, "sched_setscheduler": 144, "sched_setaffinity": 203,
    "sched_setattr": 314, "ioprio_set": 251,
}  # fmt: skip
_IDENTITY = {
    "setuid": 105, "setgid": 106, "setreuid": 113, "setregid": 114, "setgroups": 116, "setresuid": 117,
    "setresgid": 119, "setfsuid": 122, "setfsgid": 123, "capset": 126, "personality": 135,
}  # fmt: skip
_FILES = {
    "chmod": 90, "fchmod": 91, "fchmodat": 268, "fchmodat2": 452, "chown": 92, "fchown": 93, "lchown": 94,
    "fchownat": 260, "utime": 132, "utimes": 235, "futimesat": 261, "utimensat": 280, "setxattr": 188,
    "lsetxattr": 189, "fsetxattr": 190, "setxattrat": 463, "removexattr": 197, "lremovexattr": 198,
    "fremovexattr": 199, "removexattrat": 466, "file_setattr": 469, "link": 86, "linkat": 265, "symlink": 88,
    "symlinkat": 266, "mknod": 133, "mknodat": 259, "truncate": 76, "name_to_handle_at": 303,
    "open_by_handle_at": 304,  # opens any file, by number, for a process with CAP_DAC_READ_SEARCH
    "inotify_init": 253, "inotify_init1": 294, "inotify_add_watch": 254, "fanotify_init": 300, "fanotify_mark": 301,
}  # fmt: skip
_MOUNTS = {
    "mount": 165, "umount2": 166, "pivot_root": 155, "chroot": 161, "open_tree": 428, "open_tree_attr": 467,
    "move_mount": 429, "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "mount_setattr": 442,
    "unshare": 272, "setns": 308,
}  # fmt: skip
_SHARED = {
    "shmget": 29, "shmat": 30, "shmctl": 31, "shmdt": 67, "semget": 64, "semop": 65, "semctl": 66, "semtimedop": 220,
    "msgget": 68, "msgsnd": 69, "msgrcv": 70, "msgctl": 71, "mq_open": 240, "mq_unlink": 241, "memfd_create": 319,
    "memfd_secret": 447,
}  # fmt: skip
_KERNEL = {
    "bpf": 321, "perf_event_open": 298, "add_key": 248, "request_key": 249, "keyctl": 250, "userfaultfd": 323,
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "syslog": 103, "acct": 163,
    "quotactl": 179, "quotactl_fd": 443, "swapon": 167, "swapoff": 168, "reboot": 169, "sethostname": 170,
    "setdomainname": 171, "iopl": 172, "ioperm": 173, "init_module": 175, "delete_module": 176, "finit_module": 313,
    "kexec_load": 246, "kexec_file_load": 320, "settimeofday": 164, "clock_settime": 227, "adjtimex": 159,
    "clock_adjtime": 305, "vhangup": 153, "modify_ldt": 154, "lookup_dcookie": 212, "mbind": 237,
    "set_mempolicy": 238, "set_mempolicy_home_node": 450, "uselib": 134,
}  # fmt: skip
_FILTERED_BY_ARGUMENTS = {
    "open": 2, "ioctl": 16, "clone": 56, "kill": 62, "fcntl": 72, "prctl": 157, "tgkill": 234, "openat": 257,
    "prlimit64": 302, "seccomp": 317, "clone3": 435, "openat2": 437,
}  # fmt: skip

_ALWAYS = (
    _PROCESSES | _SIGNALS | _OTHER_PROCESSES | _SOCKETS | _PRIORITIES | _IDENTITY | _FILES | _MOUNTS | _SHARED | _KERNEL
)
DENIED = tuple(_ALWAYS)
NUMBERS = _ALWAYS | _FILTERED_BY_ARGUMENTS
