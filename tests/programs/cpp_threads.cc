/*
 * cpp_threads.cc - proves that the threads of the C++ library are at home: thread, future, thread_local with constructors and
 * destructors, exceptions that cross a wait, statics initialised under contention, condition_variable, atomic wait, latch.
 */
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <latch>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <unistd.h>
#include <vector>

using namespace std::chrono_literals;
using std::chrono::steady_clock;

#define CHECK(x) ((x) ? (void)0 : check_failed(#x, __LINE__))

[[noreturn]] static void check_failed(const char *what, int line)
{
	std::fprintf(stderr, "cpp_threads.cc:%d: %s: is not so\n", line, what);
	_exit(1);
}

static void run_all(int n, const auto &fn)
{
	std::vector<std::thread> threads;

	for (int i = 0; i < n; i++)
		threads.emplace_back(fn, i);
	for (auto &t : threads)
		t.join();
}

static std::atomic<int> made, destroyed;

struct local {
	int owner = -1;
	std::string text = "initial value that does not fit into the string object";

	local() { made++; }
	~local()
	{
		std::this_thread::sleep_for(100us); /* a destructor may wait */
		CHECK(owner >= 0 && text == "thread " + std::to_string(owner));
		destroyed++;
	}
};

static thread_local local mine;

static void thread_locals()
{
	run_all(20, [](int i) {
		CHECK(mine.owner == -1 && mine.text.starts_with("initial"));
		mine.owner = i;
		mine.text = "thread " + std::to_string(i);
		std::this_thread::yield();
		CHECK(mine.owner == i);
	});
	CHECK(made == 20 && destroyed == 20);
}

struct unwound {
	int &count;

	~unwound()
	{
		std::this_thread::yield();
		count++;
	}
};

static void throws_deep(int depth, int i, int &count)
{
	unwound u{ count };

	std::this_thread::yield();
	if (depth == 0)
		throw std::runtime_error("from " + std::to_string(i));
	throws_deep(depth - 1, i, count);
}

/* The exception being handled belongs to the thread: others throw and catch while this one waits in its handler. */
static void exceptions()
{
	run_all(20, [](int i) {
		int count = 0;

		for (int round = 0; round < 5; round++) {
			try {
				try {
					throws_deep(5, i, count);
				} catch (const std::runtime_error &) {
					CHECK(std::uncaught_exceptions() == 0);
					std::this_thread::sleep_for(100us);
					throw;
				}
			} catch (const std::exception &e) {
				std::this_thread::yield();
				CHECK(e.what() == "from " + std::to_string(i));
			}
			CHECK(std::current_exception() == nullptr);
		}
		CHECK(count == 30);
	});
}

static std::atomic<int> statics;

struct slow {
	int value;

	slow() : value(0)
	{
		statics++;
		std::this_thread::sleep_for(5ms);
		value = 7;
	}
};

static const slow &contended()
{
	static slow s;

	return s;
}

static int fails_twice()
{
	static std::atomic<int> tries;
	static int value = [] {
		std::this_thread::sleep_for(1ms);
		if (++tries < 3)
			throw std::logic_error("not yet");
		return tries.load();
	}();

	return value;
}

static void local_statics()
{
	std::once_flag flag;
	std::atomic<int> calls{ 0 }, caught{ 0 };

	run_all(16, [&](int) {
		CHECK(contended().value == 7);
		try {
			CHECK(fails_twice() == 3);
		} catch (const std::logic_error &) {
			caught++;
		}
		std::call_once(flag, [&] {
			std::this_thread::sleep_for(1ms);
			calls++;
		});
		CHECK(calls == 1);
	});
	CHECK(statics == 1 && caught == 2);
}

static void futures()
{
	std::vector<std::future<int>> results;
	std::promise<std::string> promise;
	std::future<std::string> answer = promise.get_future();
	auto failing = std::async(std::launch::async, []() -> int { throw std::out_of_range("thrown in a task"); });

	for (int i = 0; i < 10; i++)
		results.push_back(std::async(std::launch::async, [i] {
			std::this_thread::sleep_for(1ms);
			return i * i;
		}));
	for (int i = 0; i < 10; i++)
		CHECK(results[static_cast<size_t>(i)].get() == i * i);
	try {
		failing.get();
		CHECK(!"the exception came through");
	} catch (const std::out_of_range &e) {
		CHECK(std::string(e.what()) == "thrown in a task");
	}
	auto start = steady_clock::now();
	CHECK(answer.wait_for(15ms) == std::future_status::timeout);
	CHECK(steady_clock::now() - start >= 15ms);
	std::thread setter([&] { promise.set_value("kept"); });
	CHECK(answer.get() == "kept");
	setter.join();
}

static void conditions()
{
	std::mutex m;
	std::condition_variable cv;
	std::timed_mutex tm;
	std::shared_timed_mutex sm;
	bool flag = false;
	std::unique_lock lock(m);
	auto start = steady_clock::now();

	CHECK(!cv.wait_for(lock, 15ms, [&] { return flag; }));
	CHECK(steady_clock::now() - start >= 15ms);
	start = steady_clock::now();
	CHECK(cv.wait_until(lock, start + 15ms) == std::cv_status::timeout);
	CHECK(steady_clock::now() - start >= 15ms);
	CHECK(cv.wait_until(lock, std::chrono::system_clock::now() + 5ms) == std::cv_status::timeout);
	std::thread waker([&] {
		std::lock_guard guard(m);
		flag = true;
		cv.notify_all();
	});
	CHECK(cv.wait_for(lock, 5s, [&] { return flag; }));
	lock.unlock();
	waker.join();
	std::lock_guard holds(tm);
	sm.lock_shared();
	std::thread([&] {
		auto began = steady_clock::now();

		CHECK(!tm.try_lock() && !tm.try_lock_for(5ms) && !sm.try_lock_for(5ms));
		CHECK(steady_clock::now() - began >= 10ms);
		CHECK(sm.try_lock_shared_for(5ms));
		sm.unlock_shared();
	}).join();
	sm.unlock_shared();
}

static void atomics()
{
	std::atomic<int> turn{ 0 };
	std::latch all_here(8);
	std::counting_semaphore<> tokens(0);
	std::binary_semaphore none(0);

	/* Wait and notify go to the kernel through syscall(SYS_futex) and nothing else. */
	std::thread other([&] {
		for (int i = 0; i < 200; i += 2) {
			turn.wait(i);
			CHECK(turn == i + 1);
			turn = i + 2;
			turn.notify_one();
		}
	});
	for (int i = 0; i < 200; i += 2) {
		turn = i + 1;
		turn.notify_one();
		turn.wait(i + 1);
	}
	other.join();
	auto start = steady_clock::now();
	CHECK(!none.try_acquire_for(15ms));
	CHECK(steady_clock::now() - start >= 15ms);
	run_all(8, [&](int i) {
		all_here.arrive_and_wait();
		if (i % 2)
			tokens.release();
		else
			tokens.acquire();
	});
	CHECK(!tokens.try_acquire());
}

static void stop_tokens()
{
	std::atomic<int> turns{ 0 };

	{
		std::jthread worker([&](std::stop_token stop) {
			while (!stop.stop_requested()) {
				turns++;
				std::this_thread::yield();
			}
		});
		while (turns < 10)
			std::this_thread::yield();
	}
	CHECK(turns >= 10);
}

int main()
{
	thread_locals();
	exceptions();
	local_statics();
	futures();
	conditions();
	atomics();
	stop_tokens();
	std::printf("cpp_threads: thread_local, exceptions, statics, futures, conditions, atomics\n");
	return 0;
}
