// The thin C module over libpq: PostgreSQL's own client library and what Swift cannot import of it.
// `Postgres` is the only module that imports this one.

#ifndef HOLDFAST_CLIBPQ_H
#define HOLDFAST_CLIBPQ_H

#include <libpq-fe.h>

// The field codes of PQresultErrorField are character macros, which Swift does not import.
static const int diagnostic_severity = PG_DIAG_SEVERITY_NONLOCALIZED;
static const int diagnostic_sqlstate = PG_DIAG_SQLSTATE;
static const int diagnostic_message = PG_DIAG_MESSAGE_PRIMARY;
static const int diagnostic_constraint = PG_DIAG_CONSTRAINT_NAME;

#endif
