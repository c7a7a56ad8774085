// The thin C module over hiredis. `Redlock` is the only module that imports this one, and calls none of the
// library's variadic functions.

#ifndef HOLDFAST_CHIREDIS_H
#define HOLDFAST_CHIREDIS_H

#include <hiredis/hiredis.h>

#endif
