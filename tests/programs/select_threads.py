# modes: native async
"""The shape of select.c with Python's own threads: two wait in select() for two seconds while a third goes on."""
import select
import threading
import time

start = time.monotonic()


def tic():
    return 'at %1.1f seconds' % (time.monotonic() - start)


def gr1():
    print('Started Polling: %s' % tic() + '\n', end='')
    select.select([], [], [], 2)
    print('Ended Polling: %s' % tic() + '\n', end='')


def gr2():
    print('Started Polling: %s' % tic() + '\n', end='')
    select.select([], [], [], 2)
    print('Ended Polling: %s' % tic() + '\n', end='')


def gr3():
    print('Hey lets do some stuff while the greenlets poll, %s' % tic() + '\n', end='')
    time.sleep(1)


threads = [threading.Thread(target=entry) for entry in (gr1, gr2, gr3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
