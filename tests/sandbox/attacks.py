"""Attacks that a locked worker must stop: submissions whose `attack` must raise OSError, or end the worker.

`attack` is called with `canary`, a file outside; `readable`, a file that workers may read; `grader` and `zygote`,
process ids; `address`, an open TCP port; and `unix`, the path of a listening socket. If it returns, it has succeeded.
"""

SETUP = """
import ctypes, os, pathlib, signal, socket, struct, subprocess, sys
libc = ctypes.CDLL(None, use_errno=True)

def call(number, *arguments):
    result = libc.syscall(ctypes.c_long(number), *(
        ctypes.c_long(a) if isinstance(a, int) else a for a in arguments))
    if result < 0:
        raise OSError(ctypes.get_errno(), "denied")
    return result

def checked(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "denied")
    return result
"""

READS = {
    "open": "open(canary).read()",
    "through its own root": "open('/proc/self/root' + canary).read()",
    "through the grader's root": "open(f'/proc/{grader}/root' + canary).read()",
    "through the grader's folder": "os.listdir(f'/proc/{grader}/cwd')",
    "a folder": "os.listdir(os.path.dirname(canary))",
    "a descriptor of the grader's": "os.listdir(f'/proc/{grader}/fd')",
    "the grader's environment": "open(f'/proc/{grader}/environ').read()",
    "the grader's command line": "open(f'/proc/{grader}/cmdline').read()",
    "the grader's maps": "open(f'/proc/{grader}/maps').read()",
    "the grader's memory": "os.open(f'/proc/{grader}/mem', os.O_RDWR)",
    "the zygote's memory": "os.open(f'/proc/{zygote}/mem', os.O_RDONLY)",
    "the hidden checks": "import graders; open(graders.__path__[0] + '/conftest.py').read()",
    "the list of processes": "os.listdir('/proc')",
    "the password file": "open('/etc/passwd').read()",
    "by file handle": "call(303, -100, canary.encode(), ctypes.create_string_buffer(200), ctypes.c_int(), 0)",
    "openat2": "call(437, -100, canary.encode(), ctypes.create_string_buffer(24), 24)",
    "mmap after O_PATH": "os.read(os.open(f'/proc/self/fd/{os.open(canary, os.O_PATH)}', os.O_RDONLY), 9)",
}

WRITES = {
    "a new file": "open(canary + '.new', 'w')",
    "an existing file": "open(canary, 'a')",
    "truncate": "os.truncate(canary, 0)",
    "truncate on open": "os.open(canary, os.O_RDONLY | os.O_TRUNC)",
    "truncate a readable file": "os.open(readable, os.O_RDONLY | os.O_TRUNC)",
    "poison the standard library": "open(os.__file__, 'a')",
    "poison site-packages": "import torch; open(os.path.dirname(torch.__file__) + '/../evil.pth', 'w')",
    "/tmp": "open('/tmp/cvaekit-attack', 'w')",
    "/dev/shm": "open('/dev/shm/cvaekit-attack', 'w')",
    "beside its own folder": "open(os.path.dirname(os.environ['HOME']) + '/x', 'w')",
    "a folder": "os.mkdir('/tmp/cvaekit-attack.d')",
    "chmod": "os.chmod(canary, 0o777)",
    "chown": "os.chown(canary, os.getuid(), os.getgid())",
    "utime": "os.utime(canary, (1, 1))",
    "an attribute": "os.setxattr(canary, 'user.x', b'1')",
    "rename": "os.rename(canary, canary + '.old')",
    "unlink": "os.unlink(canary)",
    "a hard link": "os.link(canary, '/tmp/cvaekit-attack')",
    "a symbolic link": "os.symlink(canary, '/tmp/cvaekit-attack')",
    "a device": "os.mknod('/tmp/cvaekit-attack', 0o600)",
    "memfd": "os.memfd_create('x')",
}

SOCKETS = {
    "TCP": "socket.create_connection(address)",
    "TCP server": "socket.create_server(('127.0.0.1', 0))",
    "UDP": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM)",
    "IPv6": "socket.socket(socket.AF_INET6)",
    "a path": "socket.socket(socket.AF_UNIX).connect(unix)",
    "abstract": "socket.socket(socket.AF_UNIX).connect('\\0cvaekit')",
    "netlink": "socket.socket(socket.AF_NETLINK, socket.SOCK_RAW)",
    "vsock": "socket.socket(40, socket.SOCK_STREAM)",
    "packets": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "connect a pair elsewhere": "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].connect(unix)",
    "io_uring": "call(425, 4, ctypes.create_string_buffer(120))",
    "32-bit numbering": "call(0x40000000 + 41, 2, 1, 0)",
}

PROCESSES = {
    "fork": "os.fork() or os._exit(0)",
    "vfork": "call(58)",
    "clone": "call(56, 17, 0, 0, 0, 0)",
    "clone3": "call(435, ctypes.create_string_buffer(struct.pack('<8Q', 0, 0, 0, 0, 17, 0, 0, 0)), 64)",
    "subprocess": "subprocess.run(['/bin/true'])",
    "os.system": "int(os.system('true') == 0) or checked(-1)",
    "posix_spawn": "os.posix_spawn('/bin/true', ['true'], {})",
    "exec": "os.execv('/bin/true', ['true'])",
    "multiprocessing": "import multiprocessing; multiprocessing.get_context('fork').Process(target=print).start()",
    "signal the grader": "os.kill(grader, 0)",
    "signal the zygote": "os.kill(zygote, 0)",
    "signal everybody": "os.kill(-1, 0)",
    "signal its group": "os.kill(0, 0)",
    "tgkill": "call(234, zygote, zygote, 0)",
    "queue a signal": "call(129, zygote, 10, ctypes.create_string_buffer(128))",
    "signals by descriptor": "checked(libc.fcntl(1, 8, zygote))",
    "pidfd": "os.pidfd_open(grader)",
    "ptrace": "checked(libc.ptrace(16, zygote, None, None))",
    "process_vm_readv": "call(310, grader, ctypes.create_string_buffer(16), 1, ctypes.create_string_buffer(16), 1, 0)",
    "process_vm_writev": "call(311, zygote, ctypes.create_string_buffer(16), 1, ctypes.create_string_buffer(16), 1, 0)",
    "prlimit": "import resource; resource.prlimit(grader, resource.RLIMIT_CPU)",
    "affinity": "os.sched_setaffinity(grader, {0})",
    "priority": "os.setpriority(os.PRIO_PROCESS, grader, 19)",
    "a new session": "os.setsid()",
    "a new group": "os.setpgid(0, 0)",
    "another user": "os.setuid(0)",
}

KERNEL = {
    "unshare": "call(272, 0x10000000)",
    "a user namespace by clone": "call(56, 0x10000000 | 17, 0, 0, 0, 0)",
    "setns": "call(308, 0, 0)",
    "mount": "checked(libc.mount(b'x', b'/tmp', b'tmpfs', 0, None))",
    "chroot": "os.chroot('/')",
    "bpf": "call(321, 0, ctypes.create_string_buffer(64), 64)",
    "perf": "call(298, ctypes.create_string_buffer(128), 0, -1, -1, 0)",
    "keyrings": "call(248, b'user', b'x', b'y', 1, -3)",
    "userfaultfd": "call(323, 0)",
    "SysV shared memory": "call(29, 0, 4096, 0o1600)",
    "SysV semaphores": "call(64, 0, 1, 0o1600)",
    "SysV messages": "call(68, 0, 0o1600)",
    "POSIX messages": "call(240, b'cvaekit', 0o102, 0o600, None)",
    "inotify": "checked(libc.inotify_init())",
    "fanotify": "call(300, 0, 0)",
    "outlive the zygote": "checked(libc.prctl(1, 0, 0, 0, 0))",
    "be dumpable": "checked(libc.prctl(4, 1, 0, 0, 0))",
    "adopt orphans": "checked(libc.prctl(36, 1, 0, 0, 0))",
    "raise a limit": "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 30, 1 << 30))",
    "write into a terminal": "import fcntl; fcntl.ioctl(1, 0x5412, b'x')",
    "regain capabilities": "checked(libc.capset(struct.pack('<II', 0x20080522, 0), b'\\xff' * 24))",
}

DENIED = {
    f"{kind}: {name}": attack
    for kind, attacks in (
        ("read", READS),
        ("write", WRITES),
        ("socket", SOCKETS),
        ("process", PROCESSES),
        ("kernel", KERNEL),
    )
    for name, attack in attacks.items()
}

# How a submission may fail to answer, and the failure that it must be. None of these needs Landlock or seccomp.
ENDS = {
    "os._exit": ("import os; os._exit(0)", "Died", "exit code 0"),
    "another exit code": ("import os; os._exit(3)", "Died", "exit code 3"),
    "sys.exit": ("import sys; sys.exit(0)", "Raised", "SystemExit"),
    "KeyboardInterrupt": ("raise KeyboardInterrupt", "Raised", "KeyboardInterrupt"),
    "GeneratorExit": ("raise GeneratorExit", "Raised", "GeneratorExit"),
    "a segmentation fault": ("import ctypes; ctypes.string_at(8)", "Died", "SIGSEGV"),
    "abort": ("import os; os.abort()", "Died", "SIGABRT"),
    "kill itself": ("import os; os.kill(os.getpid(), 9)", "Died", "SIGKILL"),
    "closed descriptors": ("import os; os.closerange(0, 100)", "Died", ""),
    "a closed connection": ("import os, time; os.closerange(0, 100); time.sleep(99)", "Died", "closed its connection"),
    "endless recursion": ("def deeper(): deeper()\n    deeper()", "Raised", "RecursionError"),
    "a loop in Python": ("while True: pass", "TimedOut", ""),
    "a loop that catches": (
        "while True:\n        try: raise OSError\n        except BaseException: pass", "TimedOut", "",
    ),
    "a loop in C": ("9 ** 9 ** 9", "TimedOut", ""),
    "sleep": ("import time; time.sleep(99)", "TimedOut", ""),
    "blocked signals": (
        "import signal\n    signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n    while True: pass",
        "TimedOut", "",
    ),
    "a memory bomb": ("[bytearray(1 << 28) for _ in range(12)]", "Raised", "MemoryError"),
    "a tensor bomb": ("import torch; torch.zeros(3 << 28)", "Raised", "RuntimeError"),
    "shared memory": ("import mmap; [mmap.mmap(-1, 1 << 28) for _ in range(12)]", "Raised", "OSError"),
    "threads": (
        "import threading, time\n"
        "    for _ in range(400): threading.Thread(target=time.sleep, args=(99,), daemon=True).start()",
        "Raised", "RuntimeError",
    ),
    "a file as large as the disk": (
        "import os; open(os.environ['HOME'] + '/large', 'wb').write(bytes(17 << 20))", "Raised", "",
    ),
    "more files than a folder may hold": (
        "import os\n    for n in range(10**9): open(os.environ['HOME'] + f'/{n}', 'w').close()", "Died", "SIGKILL",
    ),
    "a message that raises": (
        "class Odd(Exception):\n        def __str__(self): raise SystemExit\n    raise Odd", "Raised", "Odd",
    ),
    "a flood": ("import os\n    while True: os.write(1, bytes(1 << 16))", "Died", "printed more than 256 MB"),
}  # fmt: skip
