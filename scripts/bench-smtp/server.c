/*
 * The fixed-reply servers of bench-smtp: what the kernel alone allows. One thread, epoll, one write for each read.
 *
 *   server   answers every command line; RCPT with 550 for local parts that begin with x<digit>, else 250
 *            and takes messages, so that it is the next hop of the relay rows, too
 *
 * Prints its port.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

struct session {
  int fd;
  int in_data;
  /* The last bytes of a message, to find its end across reads. */
  char tail[5];
  int tail_length;
  char line[1024];
  int line_length;
};

static char out[1 << 20];
static int out_length;
static char in[1 << 18];

static void say(const char *reply) {
  int length = strlen(reply);
  memcpy(out + out_length, reply, length);
  out_length += length;
}

static int answer(struct session *s) {
  char *line = s->line;
  if (!strncasecmp(line, "RCPT", 4)) {
    char *at = strchr(line, '<');
    int unknown = at && at[1] == 'x' && at[2] >= '0' && at[2] <= '9';
    say(unknown ? "550 5.1.1 No such recipient here\r\n" : "250 2.1.5 Recipient OK\r\n");
  } else if (!strncasecmp(line, "EHLO", 4)) say("250-limit.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 200000000\r\n");
  else if (!strncasecmp(line, "DATA", 4)) {
    say("354 Go on\r\n");
    s->in_data = 1;
    memcpy(s->tail, "\r\n", 2);
    s->tail_length = 2;
  } else if (!strncasecmp(line, "QUIT", 4)) {
    say("221 2.0.0 Bye\r\n");
    return 0;
  } else say("250 2.0.0 OK\r\n");
  return 1;
}

/* Bytes of the message that were used; its end turns the session back to commands. */
static int swallow(struct session *s, char *data, int length) {
  char joint[16];
  int head = length < 5 ? length : 5;
  memcpy(joint, s->tail, s->tail_length);
  memcpy(joint + s->tail_length, data, head);
  char *end = memmem(joint, s->tail_length + head, "\r\n.\r\n", 5);
  int used = -1;
  if (end) used = (end - joint) + 5 - s->tail_length;
  else if ((end = memmem(data, length, "\r\n.\r\n", 5))) used = (end - data) + 5;
  if (used > 0) {
    s->in_data = 0;
    say("250 2.0.0 Taken\r\n");
    return used;
  }
  if (length >= 4) {
    memcpy(s->tail, data + length - 4, 4);
    s->tail_length = 4;
  } else {
    memmove(joint, joint + (s->tail_length + length > 4 ? s->tail_length + length - 4 : 0), 8);
    s->tail_length = s->tail_length + length > 4 ? 4 : s->tail_length + length;
    memcpy(s->tail, joint, s->tail_length);
  }
  return length;
}

static int serve(struct session *s) {
  int length = recv(s->fd, in, sizeof in, 0);
  if (length <= 0) return 0;
  out_length = 0;
  int going = 1;
  for (int from = 0; from < length && going;) {
    if (s->in_data) {
      from += swallow(s, in + from, length - from);
      continue;
    }
    char *end = memchr(in + from, '\n', length - from);
    int part = end ? end - (in + from) : length - from;
    if (s->line_length + part >= (int)sizeof s->line) return 0;
    memcpy(s->line + s->line_length, in + from, part);
    s->line_length += part;
    from += part + 1;
    if (!end) break;
    s->line[s->line_length] = 0;
    s->line_length = 0;
    going = answer(s);
  }
  for (int sent = 0; sent < out_length;) {
    int some = send(s->fd, out + sent, out_length - sent, MSG_NOSIGNAL);
    if (some <= 0) return 0;
    sent += some;
  }
  return going;
}

int main(void) {
  int listener = socket(AF_INET, SOCK_STREAM, 0), one = 1;
  struct sockaddr_in address = { .sin_family = AF_INET };
  socklen_t size = sizeof address;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (bind(listener, (struct sockaddr *)&address, size) < 0 || listen(listener, 4096) < 0) return 1;
  getsockname(listener, (struct sockaddr *)&address, &size);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  int epoll_fd = epoll_create1(0);
  struct epoll_event event = { .events = EPOLLIN, .data.ptr = NULL }, events[256];
  epoll_ctl(epoll_fd, EPOLL_CTL_ADD, listener, &event);
  for (;;) {
    int ready = epoll_wait(epoll_fd, events, 256, -1);
    for (int index = 0; index < ready; index++) {
      struct session *s = events[index].data.ptr;
      if (s) {
        if (!serve(s)) {
          close(s->fd);
          free(s);
        }
        continue;
      }
      int fd = accept(listener, NULL, NULL);
      if (fd < 0) continue;
      setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
      s = calloc(1, sizeof *s);
      s->fd = fd;
      send(fd, "220 limit.example ESMTP\r\n", 25, MSG_NOSIGNAL);
      event.data.ptr = s;
      epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &event);
    }
  }
}
