#include "iov.h"
#include "alloc.h"


bool gp_iov_start(struct gp_iov *v, const struct iovec *orig, size_t count, size_t moved)
{
	*v = (struct gp_iov){ .orig = orig, .count = count };
	for (size_t i = 0; i < count; i++)
		v->total += orig[i].iov_len;
	if (moved >= v->total)
		return false;
	/* Without memory the call ends with the partial count, which is legal. */
	v->copy = gp_alloc(count * sizeof(*v->copy));
	return v->copy != NULL;
}

struct iovec *gp_iov_rest(struct gp_iov *v, size_t done)
{
	size_t i = 0, n = 0;

	while (i < v->count && done >= v->orig[i].iov_len)
		done -= v->orig[i++].iov_len;
	for (; i < v->count; i++, n++) {
		v->copy[n] = v->orig[i];
		if (done) {
			v->copy[n].iov_base = (char *)v->copy[n].iov_base + done;
			v->copy[n].iov_len -= done;
			done = 0;
		}
	}
	v->left = n;
	return v->copy;
}

void gp_iov_end(struct gp_iov *v, bool started)
{
	if (started)
		gp_free(v->copy);
}
