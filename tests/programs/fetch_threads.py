# modes: none
"""The shape of fetch.c with Python's own threads: fetches the time over HTTP, first in order, then in threads."""
import os
import argparse
import json
import sys
import threading
import urllib.request


def say(text):
    os.write(1, (text + '\n').encode())  # print loses text where threads meet, natively


failures = []


def fetch(pid, url):
    try:
        with urllib.request.urlopen(url, timeout=60) as response:
            say('Process %d: %s' % (pid, json.load(response)['datetime']))
    except (OSError, ValueError, KeyError) as error:
        failures.append('%s: %s' % (url, error))


def synchronous(count, url):
    say('Synchronous:')
    for i in range(1, count + 1):
        if not failures:
            fetch(i, url)


def asynchronous(count, url):
    say('Asynchronous:')
    threads = [threading.Thread(target=fetch, args=(i, url)) for i in range(1, count + 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


parser = argparse.ArgumentParser()
which = parser.add_mutually_exclusive_group()
which.add_argument('--sync', action='store_true')
which.add_argument('--async', action='store_true', dest='asynchronous')
parser.add_argument('-n', type=int, default=10, metavar='COUNT')
parser.add_argument('url')
args = parser.parse_args()
if not args.asynchronous:
    synchronous(args.n, args.url)
if not args.sync and not failures:
    asynchronous(args.n, args.url)
if failures:
    sys.stdout.flush()
    sys.exit('fetch_threads: ' + failures[0])
