#!/usr/bin/env python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""screen.py ROWS STEPS... -- COMMAND...: runs COMMAND on a terminal of 120 columns.

A step is TEXT=KEYS: once TEXT is on the screen KEYS are typed; with "!TEXT=KEYS" once it is not. KEYS may be
"kill N", "rows N" or "sh COMMAND": a signal, another height of the window, or a command. It is looked at when something
was written, so each step has to change the screen, unless the TEXT of the next one is empty. Prints all that was written
and "ended after N ms", counted from the last step, ends with the command's status or 128+signal, and with 99 if the
command ends before the last step or a text does not come."""
import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import time

COLUMNS = 120
CSI = re.compile(rb"\x1b\[([?>]?)([0-9;]*)([@-~])|\x1b[()].|\x1b[=>78M]|.", re.S)


class Screen:
    """As much of xterm as ncurses uses of it."""

    def __init__(self):
        self.cells, self.y, self.x, self.last = {}, 0, 0, " "

    def text(self):
        return "\n".join("".join(self.cells.get((y, x), " ") for x in range(COLUMNS)) for y in range(60))

    def put(self, char):
        self.cells[self.y, self.x] = self.last = char
        self.x += 1

    def erase(self, start, end):
        for at in [at for at in self.cells if start <= at < end]:
            del self.cells[at]

    def shift(self, n):
        line = {x: c for (y, x), c in self.cells.items() if y == self.y and x >= self.x}
        self.erase((self.y, self.x), (self.y + 1, 0))
        self.cells.update({(self.y, x + n): c for x, c in line.items() if x + n >= self.x})

    def move_lines(self, n):
        """Those from the cursor on, by so many lines; the last ones go, or the first."""
        lines = {at: char for at, char in self.cells.items() if at[0] >= self.y}
        self.erase((self.y, 0), (1000, 0))
        self.cells.update({(y + n, x): char for (y, x), char in lines.items() if y + n >= self.y})

    def control(self, numbers, final):
        n = numbers[0] or 1
        if final == "H":
            self.y, self.x = n - 1, (numbers[1] if len(numbers) > 1 else 1) - 1
        elif final == "d":
            self.y = n - 1
        elif final == "G":
            self.x = n - 1
        elif final in "ABCD":
            self.y += {"A": -n, "B": n}.get(final, 0)
            self.x += {"D": -n, "C": n}.get(final, 0)
        elif final == "J":
            self.erase((0, 0) if numbers[0] == 2 else (self.y, self.x), (1000, 0))
        elif final == "K":
            self.erase((self.y, 0 if numbers[0] == 1 else self.x), (self.y, self.x + 1) if numbers[0] == 1 else (self.y + 1, 0))
        elif final == "X":
            self.erase((self.y, self.x), (self.y, self.x + n))
        elif final == "b":
            for _ in range(n):
                self.put(self.last)
        elif final in "P@":
            self.shift(-n if final == "P" else n)
        elif final in "LM":
            self.move_lines(n if final == "L" else -n)
        elif final not in "mhlrt":
            sys.exit("unknown to this terminal: " + final)

    def write(self, data):
        for match in CSI.finditer(data):
            char = match[0].decode("latin1")
            if match[3]:
                if not match[1]:
                    self.control([int(n or 0) for n in match[2].split(b";")], match[3].decode())
            elif char == "\r":
                self.x = 0
            elif char == "\n":
                self.y += 1
            elif char == "\b":
                self.x -= 1
            elif char >= " ":
                self.put(char)


def main():
    split = sys.argv.index("--")
    rows, steps, command = sys.argv[1], sys.argv[2:split], sys.argv[split + 1 :]
    pid, fd = pty.fork()
    if pid == 0:
        os.environ["TERM"] = "xterm"
        # Not before the window has its size.
        sys.stdin.readline()
        os.execvp(command[0], command)
    fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), COLUMNS, 0, 0))
    os.write(fd, b"\n")
    screen, written, pending, stepped = Screen(), b"", b"", time.monotonic()
    while True:
        if not select.select([fd], [], [], 60)[0]:
            os.kill(pid, signal.SIGKILL)
            print("never: %s, but\n%s" % (steps[:1] or "an end", screen.text()))
            sys.exit(99)
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        if not data:
            break
        written += data
        pending += data
        # What is only a part of a sequence waits for the rest.
        cut = re.search(rb"\x1b(\[[?>]?[0-9;]*|[()]?)?$", pending)
        whole, pending = (pending[: cut.start()], pending[cut.start() :]) if cut else (pending, b"")
        screen.write(whole)
        # Between two updates nothing is half drawn: ncurses writes each at once.
        while steps and not select.select([fd], [], [], 0.05)[0]:
            text, keys = steps[0].split("=", 1)
            wanted = not text.startswith("!")
            if (text.lstrip("!") in screen.text()) != wanted:
                break
            del steps[0]
            stepped = time.monotonic()
            if keys.startswith("kill "):
                os.kill(pid, int(keys[5:]))
            elif keys.startswith("sh "):
                os.system(keys[3:])
            elif keys.startswith("rows "):
                fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack("HHHH", int(keys[5:]), COLUMNS, 0, 0))
            else:
                os.write(fd, keys.encode().decode("unicode_escape").encode())
            if not steps or not steps[0].startswith("="):
                break
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    sys.stdout.buffer.write(written + b"\nended after %d ms\n" % ((time.monotonic() - stepped) * 1000))
    sys.exit(99 if steps else status if status >= 0 else 128 - status)


main()
