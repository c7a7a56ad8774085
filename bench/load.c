// An HTTP load generator for what wrk cannot do: requests that come when they are due, however long the
// answers to earlier ones take (an open loop), and many clients that ask at the same instant.
//
//   load storm PORT[,PORT...] CONNECTIONS FIRST SLOTS PATIENTS TOKEN-FILE
//       Each connection sends one booking, all at once, when each has been answered something else; ends when
//       the last one is answered. SLOTS 1: all ask for the same slot. Of several ports each gets its share of
//       the connections, and everybody who asks for one slot is spread over all of them.
//   load spike PORT CONNECTIONS FIRST PATIENTS TOKEN-FILE RATE SECONDS
//       RATE bookings a second for SECONDS. A latency counts from when the request was due, so a service
//       that stalls cannot hide it; what finds no free connection waits for one.
//
// Prints one line of JSON; times are in milliseconds.

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { head_limit = 8192, events_at_once = 512 };

struct connection {
    int socket;
    bool busy;
    double due;
    char head[head_limit];
    size_t head_length;
    long body_left; // -1: the head has not come whole
    int status;
};

static struct connection *connections;
static int connection_count;
static struct connection **idle;
static int idle_count;
static int poller;
static int ports[16];
static int port_count;
static long first, patients, sent, answered, failed;
static long statuses[6];
static double *latencies;
static long latency_limit;
static char token[4096];

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec * 1e3 + (double)time.tv_nsec / 1e6;
}

static void give_up(const char *what) {
    perror(what);
    exit(1);
}

static void read_token(const char *path) {
    FILE *file = fopen(path, "r");
    if (!file || !fgets(token, sizeof token, file)) give_up(path);
    token[strcspn(token, "\n")] = 0;
    fclose(file);
}

static void read_ports(char *list) {
    for (char *word = strtok(list, ","); word && port_count < 16; word = strtok(NULL, ",")) {
        ports[port_count++] = atoi(word);
    }
}

static void open_connections(int count) {
    struct rlimit limit = {(rlim_t)count + 64, (rlim_t)count + 64};
    struct rlimit had;
    getrlimit(RLIMIT_NOFILE, &had);
    if (had.rlim_cur < limit.rlim_cur) {
        limit.rlim_max = had.rlim_max;
        if (setrlimit(RLIMIT_NOFILE, &limit)) give_up("setrlimit");
    }
    connection_count = count;
    connections = calloc((size_t)count, sizeof *connections);
    idle = calloc((size_t)count, sizeof *idle);
    poller = epoll_create1(0);
    struct sockaddr_in address = {.sin_family = AF_INET};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    for (int i = 0; i < count; i++) {
        struct connection *c = &connections[i];
        address.sin_port = htons((uint16_t)ports[(long)i * port_count / count]);
        c->socket = socket(AF_INET, SOCK_STREAM, 0);
        if (connect(c->socket, (struct sockaddr *)&address, sizeof address)) give_up("connect");
        int yes = 1;
        setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
        fcntl(c->socket, F_SETFL, O_NONBLOCK);
        struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};
        epoll_ctl(poller, EPOLL_CTL_ADD, c->socket, &event);
        idle[idle_count++] = c;
    }
}

// Sends a request over an idle connection.
static void ask(double due, const char *request, int size) {
    struct connection *c = idle[--idle_count];
    c->busy = true;
    c->due = due;
    c->head_length = 0;
    c->body_left = -1;
    // A request is smaller than any socket's buffer.
    if (write(c->socket, request, (size_t)size) != size) give_up("write");
    sent++;
}

// Books slot number `slot` for patient number `patient`.
static void book(double due, long slot, long patient) {
    char body[256], request[head_limit];
    int length = snprintf(
        body, sizeof body,
        "{\"slot_id\":\"00000000-0000-7000-8004-%012ld\",\"patient_id\":\"00000000-0000-7000-8003-%012ld\"}",
        slot, patient);
    int size = snprintf(
        request, sizeof request,
        "POST /v1/clinics/00000000-0000-7000-8001-000000000000/appointments HTTP/1.1\r\n"
        "Host: 127.0.0.1\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\n"
        "Content-Length: %d\r\n\r\n%s",
        token, length, body);
    ask(due, request, size);
}

static void note_answer(struct connection *c) {
    c->busy = false;
    if (answered < latency_limit) latencies[answered] = now() - c->due;
    answered++;
    statuses[c->status / 100 % 6]++;
    idle[idle_count++] = c;
}

static void receive(struct connection *c) {
    char buffer[65536];
    ssize_t length = read(c->socket, buffer, sizeof buffer);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (length <= 0) {
        // It goes on without this connection.
        epoll_ctl(poller, EPOLL_CTL_DEL, c->socket, NULL);
        close(c->socket);
        if (c->busy) failed++;
        c->busy = false;
        return;
    }
    char *at = buffer;
    if (c->body_left < 0) {
        size_t room = head_limit - 1 - c->head_length;
        size_t taken = (size_t)length < room ? (size_t)length : room;
        memcpy(c->head + c->head_length, buffer, taken);
        size_t before = c->head_length;
        c->head_length += taken;
        c->head[c->head_length] = 0;
        char *end = strstr(c->head, "\r\n\r\n");
        if (!end) return;
        c->status = atoi(c->head + 9);
        char *field = strcasestr(c->head, "\r\ncontent-length:");
        c->body_left = field && field < end ? atol(field + 17) : 0;
        at += (size_t)(end + 4 - c->head) - before;
    }
    c->body_left -= buffer + length - at;
    if (c->body_left <= 0 && c->busy) note_answer(c);
}

// Waits for answers, so many milliseconds at the most.
static void receive_all(int timeout) {
    struct epoll_event events[events_at_once];
    int count = epoll_wait(poller, events, events_at_once, timeout);
    for (int i = 0; i < count; i++) receive(events[i].data.ptr);
}

static int compare(const void *a, const void *b) {
    double one = *(const double *)a, other = *(const double *)b;
    return (one > other) - (one < other);
}

static double percentile(double part) {
    long count = answered < latency_limit ? answered : latency_limit;
    return count ? latencies[(long)(part * (double)(count - 1))] : 0;
}

static void report(double took) {
    long count = answered < latency_limit ? answered : latency_limit;
    qsort(latencies, (size_t)count, sizeof *latencies, compare);
    printf(
        "{\"took\": %.2f, \"sent\": %ld, \"answered\": %ld, \"failed\": %ld, \"created\": %ld, "
        "\"refused\": %ld, \"overloaded\": %ld, \"p50\": %.2f, \"p99\": %.2f, \"max\": %.2f}\n",
        took, sent, answered, failed, statuses[2], statuses[4], statuses[5], percentile(0.5),
        percentile(0.99), percentile(1));
}

static void storm(long slots) {
    const char *greeting = "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n";
    while (idle_count > 0) ask(now(), greeting, (int)strlen(greeting));
    while (answered + failed < sent) receive_all(1000);
    sent = answered = failed = 0;
    memset(statuses, 0, sizeof statuses);

    double start = now();
    for (long number = 0; idle_count > 0; number++) {
        book(start, first + number % slots, number % patients);
    }
    while (answered + failed < sent) receive_all(1000);
    report(now() - start);
}

static void spike(double rate, double seconds) {
    double start = now(), end = start + seconds * 1e3;
    long total = (long)(rate * seconds), due = 0, asked = 0;
    // Whoever is not answered ten seconds behind the end will not be.
    while (answered + failed < total && now() < end + 10e3) {
        double elapsed = now() - start;
        due = (long)(elapsed * rate / 1e3) + 1;
        if (due > total) due = total;
        while (asked < due && idle_count > 0) {
            book(start + (double)asked * 1e3 / rate, first + asked, asked % patients);
            asked++;
        }
        receive_all(asked < total ? 1 : 100);
    }
    report(now() - start);
}

int main(int argc, char **argv) {
    bool is_storm = argc == 8 && !strcmp(argv[1], "storm");
    bool is_spike = argc == 9 && !strcmp(argv[1], "spike");
    if (!is_storm && !is_spike) {
        fprintf(
            stderr,
            "usage: load storm PORT[,PORT...] CONNECTIONS FIRST SLOTS PATIENTS TOKEN-FILE\n"
            "       load spike PORT CONNECTIONS FIRST PATIENTS TOKEN-FILE RATE SECONDS\n");
        return 64;
    }
    read_ports(argv[2]);
    first = atol(argv[4]);
    patients = atol(argv[is_storm ? 6 : 5]);
    read_token(argv[is_storm ? 7 : 6]);
    latency_limit = is_storm ? atol(argv[3]) : (long)(atof(argv[7]) * atof(argv[8])) + 1;
    latencies = calloc((size_t)latency_limit, sizeof *latencies);
    open_connections(atoi(argv[3]));
    if (is_storm) {
        storm(atol(argv[5]));
    } else {
        spike(atof(argv[7]), atof(argv[8]));
    }
    return failed > 0;
}
