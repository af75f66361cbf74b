# modes: native async
"""The shape of select.c with Python's own threads: two wait in select() for two seconds while a third goes on."""
import os
import select
import threading
import time


def say(text):
    os.write(1, (text + '\n').encode())  # print loses text where threads meet, natively


start = time.monotonic()


def tic():
    return 'at %1.1f seconds' % (time.monotonic() - start)


def gr1():
    say('Started Polling: %s' % tic())
    select.select([], [], [], 2)
    say('Ended Polling: %s' % tic())


def gr2():
    say('Started Polling: %s' % tic())
    select.select([], [], [], 2)
    say('Ended Polling: %s' % tic())


def gr3():
    say('Hey lets do some stuff while the greenlets poll, %s' % tic())
    time.sleep(1)


threads = [threading.Thread(target=entry) for entry in (gr1, gr2, gr3)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
