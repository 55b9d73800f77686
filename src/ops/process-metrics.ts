/** What Prometheus wants to know of the process itself, and of what is open now. */
import { readdirSync } from 'node:fs';
import { Counter, Gauge, type Registry } from 'prom-client';

/** Registers the metrics; those of the process are read when somebody asks. */
export function processMetrics(registry: Registry) {
  const registers = [registry];
  new Gauge({
    name: 'process_resident_memory_bytes',
    help: 'Resident memory of the daemon, the console not included.',
    registers,
    collect() {
      this.set(process.memoryUsage.rss());
    },
  });
  new Gauge({
    name: 'process_start_time_seconds',
    help: 'Start of the process.',
    registers,
    collect() {
      this.set(Math.round(Date.now() / 1000 - process.uptime()));
    },
  });
  new Counter({
    name: 'process_cpu_seconds_total',
    help: 'CPU time of all threads.',
    registers,
    collect() {
      const { user, system } = process.cpuUsage();
      this.reset();
      this.inc((user + system) / 1e6);
    },
  });
  new Gauge({
    name: 'process_open_fds',
    help: 'Open file descriptors; 0 where that cannot be told.',
    registers,
    collect() {
      this.set(openDescriptors());
    },
  });
  return {
    buildInfo: new Gauge({
      name: 'rcptgate_build_info',
      help: 'Always 1; which version runs on which Node.js.',
      labelNames: ['version', 'node'],
      registers,
    }),
    sessions: new Gauge({
      name: 'rcptgate_smtp_sessions',
      help: 'Open SMTP sessions.',
      labelNames: ['listener'],
      registers,
    }),
    nextHopUp: new Gauge({
      name: 'rcptgate_next_hop_up',
      help: '1 when the next hop answered after its last trouble; absent before it was asked.',
      labelNames: ['next_hop'],
      registers,
    }),
    graphRequests: new Counter({
      name: 'rcptgate_graph_requests_total',
      help: 'Requests to Microsoft by what they were for and the class of the answer; 000 is none.',
      labelNames: ['endpoint', 'code'],
      registers,
    }),
    logLost: new Counter({
      name: 'rcptgate_log_lost_lines_total',
      help: 'Log lines that found no room because nobody took them: a full disk, a blocked reader.',
      registers,
    }),
  };
}

function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return 0;
  }
}
