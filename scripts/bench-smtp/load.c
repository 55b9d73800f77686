/*
 * The load client of bench-smtp: one thread, epoll, every reply checked against what it must be.
 *
 *   load MODE PORT CONNECTIONS SECONDS KNOWN-FILE [BYTES | PER-SECOND]
 *
 * MODE: pipe     batches of 50 RCPT between MAIL and RSET in one write
 *       lock     the same, one command at a time
 *       session  connect, EHLO, MAIL, one unknown RCPT, QUIT, one command at a time
 *       tls      the same over STARTTLS, with the TLS session of the connection before
 *       relay    MAIL, RCPT and DATA in one write, then a message of BYTES
 *       idle     opens the connections, says EHLO, waits for SECONDS
 *       known    lock with known recipients only, PER-SECOND of them over all connections (0: one after the other)
 *       guess    who harvests addresses: unknown recipients from 127.0.0.2, PER-SECOND attempts over all connections, or
 *                batches of 50 as fast as they are answered (0). Whoever is turned away (421) comes back; an attempt is a
 *                guess or a connection that is turned away
 *       storm    all connections at once, held until each has its greeting; ends then, or after SECONDS
 *
 * Half of the recipients are known (the file has one address a line), half are not; unknown ones come from 5000 names.
 * Connections come from 127.0.1.1 to 127.0.1.200, except guesses. The result is one line of JSON.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { BATCH = 50, UNKNOWN = 5000, OUT = 1 << 14, IN = 1 << 14, EXPECT = 128, SAMPLES = 1 << 20 };
enum mode { PIPE, LOCK, SESSION, TLS, RELAY, IDLE, KNOWN, GUESS, STORM };
enum stage { GREET, HELLO, SECURE, SHAKE, READY, BODY, LEAVE };

struct connection {
  int fd;
  enum stage stage;
  SSL *ssl;
  SSL_SESSION *session;
  int shaking;
  char out[OUT];
  int out_length, out_sent;
  long body_sent;
  char in[IN];
  int in_length;
  char expect[EXPECT];
  int expected, answered;
  int step;
  double asked;
  /* Paced: whether it waits for its turn, and when that is. */
  int waiting;
  double due;
  unsigned source;
};

static enum mode mode;
static int port, epoll_fd;
static char **known;
static int known_count;
static long done, wrong, broken, connects;
/* TLS sessions that were resumed; guesses that were turned away with their connection; what a storm was answered. */
static long resumed, denied, greeted, refused;
static double began, pace;
static long bytes;
static char *body;
static long body_length;
static double *samples;
static int sample_count;
static SSL_CTX *tls;
static int stopping;
static uint32_t seed = 12345;

static uint32_t random32(void) {
  seed ^= seed << 13;
  seed ^= seed >> 17;
  seed ^= seed << 5;
  return seed;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

static void fail(const char *what) {
  fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
  exit(1);
}

static void say(struct connection *c, char expect, const char *format, const char *argument, unsigned number) {
  int room = OUT - c->out_length;
  int length = argument ? snprintf(c->out + c->out_length, room, format, argument)
                        : snprintf(c->out + c->out_length, room, format, number);
  if (length >= room || c->expected >= EXPECT) {
    fprintf(stderr, "load: a batch is too long\n");
    exit(1);
  }
  c->out_length += length;
  c->expect[c->expected++] = expect;
}

static void recipient(struct connection *c, int unknown) {
  if (unknown) say(c, '5', "RCPT TO:<x%u.nobody@contoso.example>\r\n", NULL, random32() % UNKNOWN);
  else say(c, '2', "RCPT TO:<%s>\r\n", known[random32() % known_count], 0);
}

static void watch(struct connection *c, int operation) {
  struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP, .data.ptr = c };
  if (c->out_sent < c->out_length || c->stage == BODY) event.events |= EPOLLOUT;
  if (epoll_ctl(epoll_fd, operation, c->fd, &event) < 0) fail("epoll_ctl");
}

static int put(struct connection *c, const char *data, int length) {
  int sent = c->ssl && !c->shaking ? SSL_write(c->ssl, data, length) : send(c->fd, data, length, MSG_NOSIGNAL);
  return sent;
}

/* Sends what can be sent; whether anything is left. */
static int flush(struct connection *c) {
  while (c->out_sent < c->out_length) {
    int sent = put(c, c->out + c->out_sent, c->out_length - c->out_sent);
    if (sent <= 0) return 1;
    c->out_sent += sent;
  }
  c->out_length = c->out_sent = 0;
  while (c->stage == BODY) {
    int sent = put(c, body + c->body_sent, body_length - c->body_sent > 262144 ? 262144 : body_length - c->body_sent);
    if (sent <= 0) return 1;
    c->body_sent += sent;
    if (c->body_sent == body_length) c->stage = READY;
  }
  return 0;
}

static void start(struct connection *c) {
  struct sockaddr_in from = { .sin_family = AF_INET }, to = { .sin_family = AF_INET, .sin_port = htons(port) };
  int one = 1;
  c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (c->fd < 0) fail("socket");
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  setsockopt(c->fd, SOL_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
  from.sin_addr.s_addr = mode == GUESS ? htonl(0x7f000002u) : htonl(0x7f000100u | (1 + c->source++ % 200));
  if (bind(c->fd, (struct sockaddr *)&from, sizeof from) < 0) fail("bind");
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(c->fd, (struct sockaddr *)&to, sizeof to) < 0 && errno != EINPROGRESS) {
    if (mode == STORM && errno == ECONNREFUSED) {
      close(c->fd);
      c->fd = -1;
      refused++;
      return;
    }
    /* One address has only so many ports; they come back within a second. */
    if (mode == GUESS && errno == EADDRNOTAVAIL) {
      close(c->fd);
      c->fd = -1;
      c->waiting = 1;
      c->due = now() + 0.05;
      return;
    }
    fail("connect");
  }
  c->stage = GREET;
  c->out_length = c->out_sent = c->in_length = c->answered = 0;
  c->expect[0] = '2';
  c->expected = 1;
  c->step = 0;
  c->shaking = 0;
  c->asked = now();
  connects++;
  watch(c, EPOLL_CTL_ADD);
}

static void stop(struct connection *c) {
  if (c->ssl) {
    SSL_SESSION *next = SSL_get1_session(c->ssl);
    /* OpenSSL servers send no new ticket with a resumed session; the one from before goes on being good, as in an MTA. */
    if (next && (!c->session || SSL_SESSION_is_resumable(next))) {
      if (c->session) SSL_SESSION_free(c->session);
      c->session = next;
    } else if (next) SSL_SESSION_free(next);
    SSL_set_quiet_shutdown(c->ssl, 1);
    SSL_shutdown(c->ssl);
    SSL_free(c->ssl);
    c->ssl = NULL;
  }
  close(c->fd);
  c->fd = -1;
}

static void sampled(struct connection *c) {
  double time = now();
  if (sample_count < SAMPLES) samples[sample_count++] = time - c->asked;
  c->asked = time;
}

/* Whether a paced connection has to wait before its next attempt. */
static int paused(struct connection *c) {
  if (pace == 0) return 0;
  double time = now();
  c->due = c->due + pace > time ? c->due + pace : time;
  c->waiting = c->due > time;
  return c->waiting;
}

/* Asks about the next recipient, and what has to be said between fifty of them. */
static void next_recipient(struct connection *c, int unknown) {
  if (c->step > 0 && c->step % BATCH == 0) {
    say(c, '2', "RSET\r\n", NULL, 0);
    say(c, '2', "MAIL FROM:<sender@load.example>\r\n", NULL, 0);
  }
  c->step++;
  recipient(c, unknown);
  c->asked = now();
}

/* Everything that was asked is answered: asks the next. */
static void advance(struct connection *c) {
  c->expected = c->answered = 0;
  switch (c->stage) {
    case GREET:
      if (mode == STORM) {
        greeted++;
        c->asked = began;
        sampled(c);
        c->stage = LEAVE;
        return;
      }
      say(c, '2', "EHLO load.example\r\n", NULL, 0);
      c->stage = mode == TLS && !c->ssl ? SECURE : HELLO;
      return;
    case SECURE:
      say(c, '2', "STARTTLS\r\n", NULL, 0);
      c->stage = SHAKE;
      return;
    case SHAKE:
      c->ssl = SSL_new(tls);
      SSL_set_fd(c->ssl, c->fd);
      SSL_set_connect_state(c->ssl);
      if (c->session) {
        /* Its own copy: a session that was resumed once is marked as used up. */
        SSL_SESSION *copy = SSL_SESSION_dup(c->session);
        SSL_set_session(c->ssl, copy);
        SSL_SESSION_free(copy);
      }
      c->shaking = 1;
      return;
    case HELLO:
      if (mode == IDLE) return;
      c->stage = READY;
      if (mode == LOCK) say(c, '2', "MAIL FROM:<sender@load.example>\r\n", NULL, 0);
      else if (mode == SESSION || mode == TLS || mode == KNOWN || mode == GUESS)
        say(c, '2', "MAIL FROM:<sender@load.example>\r\n", NULL, 0);
      else break;
      return;
    case LEAVE:
      if (mode == STORM) return;
      stop(c);
      done++;
      sampled(c);
      if (!stopping) start(c);
      return;
    default:
      break;
  }
  switch (mode) {
    case PIPE:
      if (c->step++) done += BATCH, sampled(c);
      say(c, '2', "MAIL FROM:<sender@load.example>\r\n", NULL, 0);
      for (int index = 0; index < BATCH; index++) recipient(c, index & 1);
      say(c, '2', "RSET\r\n", NULL, 0);
      break;
    case LOCK: {
      int at = c->step++ % (BATCH + 2);
      if (at > 0 && at <= BATCH) done++, sampled(c);
      else c->asked = now();
      if (at < BATCH) recipient(c, at & 1);
      else if (at == BATCH) say(c, '2', "RSET\r\n", NULL, 0);
      else say(c, '2', "MAIL FROM:<sender@load.example>\r\n", NULL, 0);
      c->asked = now();
      break;
    }
    case SESSION:
    case TLS:
      if (c->step++ == 0) recipient(c, 1);
      else {
        say(c, '2', "QUIT\r\n", NULL, 0);
        c->stage = LEAVE;
      }
      break;
    case RELAY:
      if (c->step % 2 == 0) {
        if (c->step > 0) done++, sampled(c);
        say(c, '2', "MAIL FROM:<sender@load.example>\r\n", NULL, 0);
        recipient(c, 0);
        say(c, '3', "DATA\r\n", NULL, 0);
        c->asked = now();
      } else {
        c->stage = BODY;
        c->body_sent = 0;
        c->expect[c->expected++] = '2';
      }
      c->step++;
      break;
    case KNOWN:
      done += c->step > 0;
      /* The first after RSET and MAIL has more to wait for. */
      if (c->step % BATCH > 1) sampled(c);
      if (!paused(c)) next_recipient(c, 0);
      break;
    case GUESS:
      if (pace > 0) {
        if (!paused(c)) next_recipient(c, 1);
        break;
      }
      say(c, '2', "RSET\r\n", NULL, 0);
      say(c, '2', "MAIL FROM:<sender@load.example>\r\n", NULL, 0);
      for (int index = 0; index < BATCH; index++) recipient(c, 1);
      break;
    case IDLE:
    case STORM:
      break;
  }
}

/* The turn of a connection that waited: its next question, or itself again. */
static void resume(struct connection *c) {
  c->waiting = 0;
  if (c->fd < 0) {
    start(c);
    return;
  }
  next_recipient(c, mode == GUESS);
  flush(c);
  watch(c, EPOLL_CTL_MOD);
}

/* Reads replies; 0 when the connection is over. */
static int take(struct connection *c) {
  for (;;) {
    int room = IN - c->in_length;
    int got = c->ssl && !c->shaking ? SSL_read(c->ssl, c->in + c->in_length, room)
                                    : recv(c->fd, c->in + c->in_length, room, 0);
    if (got <= 0) {
      if (c->ssl && !c->shaking) return SSL_get_error(c->ssl, got) == SSL_ERROR_WANT_READ;
      return got < 0 && errno == EAGAIN;
    }
    c->in_length += got;
    int from = 0;
    for (;;) {
      char *end = memchr(c->in + from, '\n', c->in_length - from);
      if (!end) break;
      int length = end - (c->in + from);
      if (length > 3 && c->in[from + 3] != '-') {
        if (mode == GUESS && c->in[from] == '4') return 0;
        if (mode == STORM && c->in[from] != '2') return 0;
        if (mode == GUESS && c->in[from] == '5') done++;
        if (c->answered >= c->expected || c->expect[c->answered] != c->in[from]) {
          if (wrong++ < 5) fprintf(stderr, "load: wrong reply (wanted %c): %.*s\n", c->answered < c->expected ? c->expect[c->answered] : '-', length, c->in + from);
        }
        c->answered++;
      }
      from += length + 1;
    }
    memmove(c->in, c->in + from, c->in_length - from);
    c->in_length -= from;
    if (c->answered == c->expected && c->expected > 0) {
      advance(c);
      if (c->fd < 0 || c->stage == GREET || c->shaking) return 1;
      flush(c);
    }
  }
}

/* Goes on with a handshake; 0 when it failed. */
static int shake(struct connection *c) {
  int result = SSL_do_handshake(c->ssl);
  if (result != 1) {
    int why = SSL_get_error(c->ssl, result);
    return why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE;
  }
  c->shaking = 0;
  c->stage = HELLO;
  resumed += SSL_session_reused(c->ssl);
  c->expected = c->answered = 0;
  say(c, '2', "EHLO load.example\r\n", NULL, 0);
  return 1;
}

static void serve(struct connection *c, uint32_t events) {
  int fd = c->fd;
  if (c->shaking && !shake(c)) goto gone;
  if (!c->shaking && (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) && !take(c)) goto gone;
  if (c->shaking && !shake(c)) goto gone;
  if (c->fd < 0 || (c->fd == fd && c->stage == GREET && c->expected == 1 && c->answered == 0)) return;
  flush(c);
  watch(c, EPOLL_CTL_MOD);
  return;
gone:
  if (mode == GUESS && !stopping) {
    denied++;
    stop(c);
    if (!paused(c)) start(c);
    return;
  }
  if (mode == STORM) {
    refused += c->stage == GREET;
    stop(c);
    return;
  }
  if (!stopping && broken++ < 5) fprintf(stderr, "load: a connection ended too early\n");
  stop(c);
  if (!stopping && mode != IDLE) start(c);
}

static void read_known(const char *file) {
  FILE *input = fopen(file, "r");
  char line[512];
  int room = 1024;
  if (!input) fail(file);
  known = malloc(room * sizeof *known);
  while (fgets(line, sizeof line, input)) {
    line[strcspn(line, "\r\n")] = 0;
    if (!*line) continue;
    if (known_count == room) known = realloc(known, (room *= 2) * sizeof *known);
    known[known_count++] = strdup(line);
  }
  fclose(input);
}

static void make_body(void) {
  body = malloc(bytes + 512);
  body_length = sprintf(body, "From: <sender@load.example>\r\nTo: <recipient@contoso.example>\r\nSubject: load\r\n\r\n");
  for (long line = 0; body_length < bytes; line++)
    body_length += sprintf(body + body_length, "%08ld the quick brown fox jumps over the lazy dog, again and again\r\n", line);
  body_length += sprintf(body + body_length, ".\r\n");
}

static int by_size(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

static double quantile(double q) {
  return sample_count == 0 ? 0 : samples[(int)(q * (sample_count - 1))] * 1e6;
}

int main(int argc, char **argv) {
  const char *names[] = { "pipe", "lock", "session", "tls", "relay", "idle", "known", "guess", "storm" };
  if (argc < 6) return fprintf(stderr, "usage: load MODE PORT CONNECTIONS SECONDS KNOWN-FILE [BYTES | PER-SECOND]\n"), 2;
  for (mode = PIPE; mode <= STORM && strcmp(names[mode], argv[1]); mode++);
  port = atoi(argv[2]);
  int count = atoi(argv[3]);
  double seconds = atof(argv[4]);
  read_known(argv[5]);
  bytes = argc > 6 ? atol(argv[6]) : 10240;
  if (mode == KNOWN || mode == GUESS) pace = bytes > 0 && argc > 6 ? (double)count / bytes : 0;
  else make_body();
  signal(SIGPIPE, SIG_IGN);
  samples = malloc(SAMPLES * sizeof *samples);
  if (mode == TLS) {
    tls = SSL_CTX_new(TLS_client_method());
    SSL_CTX_set_mode(tls, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_CLIENT);
  }
  epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  struct connection *all = calloc(count, sizeof *all);
  began = now();
  for (int index = 0; index < count; index++) {
    all[index].source = index * 7;
    /* Their turns are spread over the interval. */
    all[index].due = began + pace * index / count;
    start(&all[index]);
  }
  double end = began + seconds;
  struct epoll_event events[256];
  for (double time = began; time < end && (mode != STORM || greeted + refused < count); time = now()) {
    double next = end;
    for (int index = 0; (pace > 0 || mode == GUESS) && index < count; index++) {
      if (!all[index].waiting) continue;
      if (all[index].due <= time) resume(&all[index]);
      else if (all[index].due < next) next = all[index].due;
    }
    int ready = epoll_wait(epoll_fd, events, 256, (int)((next - time) * 1000) + 1);
    for (int index = 0; index < ready; index++) serve(events[index].data.ptr, events[index].events);
  }
  stopping = 1;
  double took = now() - began;
  int open_now = 0;
  for (int index = 0; index < count; index++) open_now += all[index].fd >= 0 && all[index].stage >= HELLO;
  struct rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  double cpu = usage.ru_utime.tv_sec + usage.ru_stime.tv_sec + (usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
  qsort(samples, sample_count, sizeof *samples, by_size);
  printf("{\"done\":%ld,\"wrong\":%ld,\"broken\":%ld,\"connects\":%ld,\"open\":%d,\"seconds\":%.3f,\"cpu\":%.3f,",
         done, wrong, broken, connects, open_now, took, cpu);
  printf("\"resumed\":%ld,\"denied\":%ld,\"greeted\":%ld,\"refused\":%ld,\"p50\":%.0f,\"p99\":%.0f,\"last\":%.0f}\n",
         resumed, denied, greeted, refused, quantile(0.5), quantile(0.99), quantile(1));
  return wrong > 0 ? 1 : 0;
}
