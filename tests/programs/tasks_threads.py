# modes: native async
"""The shape of tasks.c with Python's own threads: ten tasks in order, then by completion."""
import random
import threading
import time


def task(pid):
    time.sleep(random.randint(0, 2) * 0.001)
    print('Task %d done' % pid + '\n', end='')


def synchronous():
    for i in range(1, 11):
        task(i)


def asynchronous():
    threads = [threading.Thread(target=task, args=(i,)) for i in range(1, 11)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


print('Synchronous:' + '\n', end='')
synchronous()
print('Asynchronous:' + '\n', end='')
asynchronous()
