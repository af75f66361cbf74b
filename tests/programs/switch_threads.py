# modes: native async
"""The shape of switch.c with Python's own threads: foo and bar yield to each other."""
import threading
import time

started = threading.Event()  # Thread.start() waits until the thread runs: without this foo would be done before bar exists


def foo():
    started.wait()
    print('Running in foo' + '\n', end='')
    time.sleep(0)
    print('Explicit context switch to foo again' + '\n', end='')


def bar():
    started.wait()
    print('Explicit context to bar' + '\n', end='')
    time.sleep(0)
    print('Implicit context switch back to bar' + '\n', end='')


threads = [threading.Thread(target=foo), threading.Thread(target=bar)]
for thread in threads:
    thread.start()
started.set()
for thread in threads:
    thread.join()
