#include "../../runtime/iov.h"

#include <criterion/criterion.h>
#include <string.h>

static char bytes[] = "abcdefghij";
static struct iovec parts[] = { { bytes, 0 }, { bytes, 3 }, { bytes + 3, 1 }, { NULL, 0 }, { bytes + 4, 6 }, { NULL, 0 } };
enum { PARTS = 6, TOTAL = 10 };

Test(iov, the_rest_after_any_number_of_bytes)
{
	struct iovec before[PARTS];

	memcpy(before, parts, sizeof(parts));
	for (size_t done = 0; done < TOTAL; done++) {
		struct gp_iov v;
		char got[TOTAL + 1] = "", *end = got;

		cr_assert(gp_iov_start(&v, parts, PARTS, done));
		cr_assert_eq(v.total, (size_t)TOTAL);
		for (size_t more = done; more < TOTAL; more++) {
			struct iovec *rest = gp_iov_rest(&v, more);

			end = got;
			for (size_t i = 0; i < v.left; i++)
				end = mempcpy(end, rest[i].iov_base, rest[i].iov_len);
			*end = 0;
			cr_assert_str_eq(got, bytes + more);
			cr_assert(!v.left || rest[0].iov_len, "the first part has nothing");
		}
		gp_iov_end(&v, true);
	}
	cr_assert_eq(memcmp(before, parts, sizeof(parts)), 0, "the program's array was changed");
}

Test(iov, nothing_is_left)
{
	struct gp_iov v;

	cr_assert(!gp_iov_start(&v, parts, PARTS, TOTAL));
	gp_iov_end(&v, false);
	cr_assert(!gp_iov_start(&v, parts, 1, 0));
	gp_iov_end(&v, false);
}
