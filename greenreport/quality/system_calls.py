"""The system calls of a judged program: a list of those it may make, enforced by the kernel (seccomp).

A process that has called `lock` computes, waits, and reads and writes the pipes it has. It can open no file, make no socket, start no
process or thread, and signal nobody. What an interpreter tries in passing (to open a file for reading, to ask for a file's size) is
answered with "permission denied"; everything else that is not listed kills it. See docs/decisions/0023-a-sandbox-of-system-calls.md.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

#: <linux/seccomp.h>, <linux/prctl.h>
KILL, ERRNO, ALLOW = 0x80000000, 0x00050000, 0x7FFF0000
_SET_SECCOMP, _SET_NO_NEW_PRIVILEGES, _FILTER = 22, 38, 2
#: <linux/bpf_common.h>: load a word of the call's data, compare, compare bits, return.
_LOAD, _EQUAL, _AT_LEAST, _BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
_NUMBER_AT, _ARCHITECTURE_AT, _THIRD_ARGUMENT_AT = 0, 4, 32
#: Flags of `openat` that could change a file: O_WRONLY, O_RDWR, O_CREAT, O_TRUNC, O_APPEND; the same on both architectures.
WRITING = 0o1 | 0o2 | 0o100 | 0o1000 | 0o2000
X32 = 0x40000000  # system calls of a second ABI of x86-64 begin here

#: To compute, to keep time, and to use pipes that are open.
ALLOWED = (
    "read", "write", "readv", "writev", "close", "fstat", "lseek", "poll", "ppoll", "select", "pselect6", "brk", "mmap", "munmap",
    "mremap", "mprotect", "madvise", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigaltstack", "restart_syscall", "futex",
    "set_robust_list", "rseq", "sched_yield", "getcpu", "nanosleep", "clock_nanosleep", "clock_gettime", "clock_getres",
    "gettimeofday", "time", "times", "getrusage", "getrandom", "getpid", "getppid", "gettid", "getuid", "geteuid", "getgid",
    "getegid", "uname", "sysinfo", "exit", "exit_group",
)  # fmt: skip
#: What looks for a file, asks about one, or asks about the process; refused without an end.
DENIED = (
    "stat", "lstat", "newfstatat", "statx", "access", "faccessat", "faccessat2", "readlink", "readlinkat", "getcwd", "getdents",
    "getdents64", "ioctl", "fcntl", "dup", "getrlimit", "prlimit64", "getitimer", "setitimer", "alarm",
)  # fmt: skip
#: Refused for reading, and the end for writing, by the third argument.
OPENING = ("openat",)

_X86_64 = {
    "read": 0, "write": 1, "open": 2, "close": 3, "stat": 4, "fstat": 5, "lstat": 6, "poll": 7, "lseek": 8, "mmap": 9, "mprotect": 10,
    "munmap": 11, "brk": 12, "rt_sigaction": 13, "rt_sigprocmask": 14, "rt_sigreturn": 15, "ioctl": 16, "readv": 19, "writev": 20,
    "access": 21, "select": 23, "sched_yield": 24, "mremap": 25, "madvise": 28, "dup": 32, "nanosleep": 35, "getitimer": 36,
    "alarm": 37, "setitimer": 38, "getpid": 39, "exit": 60, "uname": 63, "fcntl": 72, "getdents": 78, "getcwd": 79, "readlink": 89,
    "gettimeofday": 96, "getrlimit": 97, "getrusage": 98, "sysinfo": 99, "times": 100, "getuid": 102, "getgid": 104, "geteuid": 107,
    "getegid": 108, "getppid": 110, "sigaltstack": 131, "gettid": 186, "time": 201, "futex": 202, "getdents64": 217,
    "restart_syscall": 219, "clock_gettime": 228, "clock_getres": 229, "clock_nanosleep": 230, "exit_group": 231, "openat": 257,
    "newfstatat": 262, "readlinkat": 267, "faccessat": 269, "pselect6": 270, "ppoll": 271, "set_robust_list": 273, "prlimit64": 302,
    "getcpu": 309, "getrandom": 318, "statx": 332, "rseq": 334, "faccessat2": 439,
}  # fmt: skip
_AARCH64 = {
    "getcwd": 17, "dup": 23, "fcntl": 25, "ioctl": 29, "faccessat": 48, "openat": 56, "close": 57, "getdents64": 61, "lseek": 62,
    "read": 63, "write": 64, "readv": 65, "writev": 66, "pselect6": 72, "ppoll": 73, "readlinkat": 78, "newfstatat": 79, "fstat": 80,
    "exit": 93, "exit_group": 94, "futex": 98, "set_robust_list": 99, "nanosleep": 101, "getitimer": 102, "setitimer": 103,
    "clock_gettime": 113, "clock_getres": 114, "clock_nanosleep": 115, "sched_yield": 124, "restart_syscall": 128, "sigaltstack": 132,
    "rt_sigaction": 134, "rt_sigprocmask": 135, "rt_sigreturn": 139, "times": 153, "uname": 160, "getrlimit": 163, "getrusage": 165,
    "getcpu": 168, "gettimeofday": 169, "getpid": 172, "getppid": 173, "getuid": 174, "geteuid": 175, "getgid": 176, "getegid": 177,
    "gettid": 178, "sysinfo": 179, "brk": 214, "munmap": 215, "mremap": 216, "mmap": 222, "mprotect": 226, "madvise": 233,
    "prlimit64": 261, "getrandom": 278, "statx": 291, "rseq": 293, "faccessat2": 439,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class SystemCalls:
    """How the kernel names a machine (AUDIT_ARCH), and the numbers of its system calls."""

    audit: int
    numbers: Mapping[str, int]


ARCHITECTURES = {"x86_64": SystemCalls(0xC000003E, _X86_64), "aarch64": SystemCalls(0xC00000B7, _AARCH64)}


class FilterUnavailable(OSError):
    """The kernel takes no filter of system calls from this process, or not on this machine."""


def here() -> SystemCalls:
    """Return the architecture of this process.

    Raises:
        FilterUnavailable: its system calls are not known.
    """
    machine = platform.machine()
    if sys.platform != "linux" or machine not in ARCHITECTURES or sys.maxsize < 2**32:
        raise FilterUnavailable(errno.ENOSYS, f"system calls of {sys.platform} on {machine} are not known")
    return ARCHITECTURES[machine]


def filter_program(architecture: SystemCalls) -> bytes:
    """Return the filter as instructions of classic BPF (``struct sock_filter``)."""
    numbers = architecture.numbers

    def instruction(code: int, constant: int, if_true: int = 0, if_false: int = 0) -> bytes:
        return struct.pack("=HBBI", code, if_true, if_false, constant)

    def answered(names: Iterable[str], answer: int) -> list[bytes]:
        """Return two instructions for each call: where it is another one, the second is skipped."""
        known = sorted(numbers[name] for name in names if name in numbers)
        return [part for number in known for part in (instruction(_EQUAL, number, 0, 1), instruction(_RETURN, answer))]

    denied = ERRNO | errno.EACCES
    return b"".join(
        [
            instruction(_LOAD, _ARCHITECTURE_AT),
            instruction(_EQUAL, architecture.audit, 1, 0),
            instruction(_RETURN, KILL),
            instruction(_LOAD, _NUMBER_AT),
            instruction(_AT_LEAST, X32, 0, 1),
            instruction(_RETURN, KILL),
            *answered(ALLOWED, ALLOW),
            *answered(DENIED, denied),
            instruction(_EQUAL, numbers["openat"], 0, 3),
            instruction(_LOAD, _THIRD_ARGUMENT_AT),
            instruction(_BITS, WRITING, 1, 0),
            instruction(_RETURN, denied),
            instruction(_RETURN, KILL),
        ]
    )


class _Program(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_char_p))


def lock() -> None:
    """Restrict this process, for good, to the system calls that are listed.

    Raises:
        FilterUnavailable: the kernel refuses, or the machine is not known; the process is not restricted.
    """
    instructions = filter_program(here())
    program = _Program(len(instructions) // 8, instructions)
    library = ctypes.CDLL(None, use_errno=True)
    nothing = ctypes.c_ulong(0)
    for arguments in (
        (_SET_NO_NEW_PRIVILEGES, ctypes.c_ulong(1), nothing, nothing, nothing),
        (_SET_SECCOMP, ctypes.c_ulong(_FILTER), ctypes.byref(program), nothing, nothing),
    ):
        if library.prctl(*arguments) != 0:
            refusal = ctypes.get_errno()
            raise FilterUnavailable(refusal, os.strerror(refusal))
