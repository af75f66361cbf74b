/* link: -luv */
/* echo_libuv.c - the same server as echo_threads, by hand on libuv: tries to write at once, as a good libuv program does. */
#include "bench.h"
#include <uv.h>

static char buffer[1024]; /* a read callback is done with it before the next read */
static long left, total;
static uv_tcp_t listener;

static void give_buffer(uv_handle_t *h, size_t size, uv_buf_t *buf)
{
	(void)h;
	(void)size;
	*buf = uv_buf_init(buffer, sizeof(buffer));
}

static void closed(uv_handle_t *h)
{
	free(h);
	if (!--left)
		uv_close((uv_handle_t *)&listener, NULL);
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
	uv_buf_t out = uv_buf_init(buf->base, n > 0 ? (unsigned)n : 0);

	if (n == UV_EOF) {
		uv_close((uv_handle_t *)s, closed);
		return;
	}
	CHECK(n >= 0);
	if (n)
		CHECK(uv_try_write(s, &out, 1) == n);
	total += n;
}

static void on_connection(uv_stream_t *s, int status)
{
	uv_tcp_t *client = allocate(1, sizeof(*client));

	CHECK(!status);
	CHECK(!uv_tcp_init(s->loop, client));
	CHECK(!uv_accept(s, (uv_stream_t *)client));
	CHECK(!uv_read_start((uv_stream_t *)client, give_buffer, on_read));
}

int main(int argc, char **argv)
{
	struct sockaddr_in addr;
	int len = sizeof(addr);
	uv_loop_t *loop = uv_default_loop();

	left = argc > 1 ? number(argv[1]) : 0;
	need_files(left);
	CHECK(!uv_ip4_addr("127.0.0.1", 0, &addr));
	CHECK(!uv_tcp_init(loop, &listener));
	CHECK(!uv_tcp_bind(&listener, (struct sockaddr *)&addr, 0));
	CHECK(!uv_listen((uv_stream_t *)&listener, 4096, on_connection));
	CHECK(!uv_tcp_getsockname(&listener, (struct sockaddr *)&addr, &len));
	printf("port %d\n", ntohs(addr.sin_port));
	fflush(stdout);
	CHECK(!uv_run(loop, UV_RUN_DEFAULT));
	printf("bytes %ld\n", total);
	return 0;
}
