/** Sources of mixed kinds with claims: shares, averages, conditions over rows, names that share words. */
import type { Case } from './cases.ts'

const rows: readonly (readonly [string, string, string, Case['claims']])[] = [
  [
    'tickets by origin',
    'database',
    ' origin | count\n--------+-------\n customer | 210\n partner | 120\n internal | 150\n(3 rows)',
    [
      ['A quarter of the tickets came from partners.', 'supports'],
      ['Half of the tickets came from partners.', 'refutes'],
      ['Customers opened the most tickets.', 'supports'],
      ['There are 480 tickets in total.', 'supports'],
    ],
  ],
  [
    'invoices',
    'file',
    'day,sent,rejected\n2026-03-29,488,3\n2026-03-30,18211,546\n',
    [
      ['Fewer than 2 percent of the invoices sent on 30 March were rejected.', 'refutes'],
      ['On 30 March 546 invoices were rejected.', 'supports'],
      ['On 29 March 546 invoices were rejected.', 'refutes'],
      ['On 28 March 546 invoices were rejected.', 'silent'],
    ],
  ],
  [
    'hosts',
    'file',
    'host,os,cpu_pct,state\nweb-1,debian,91,up\nweb-2,debian,34,up\ndb-1,alma,88,down\n',
    [
      ['Two hosts have a CPU usage above 80 %.', 'supports'],
      ['Only one host has a CPU usage above 90 %.', 'supports'],
      ['Host db-1 is down.', 'supports'],
      ['Host web-1 is down.', 'refutes'],
      ['All hosts are up.', 'refutes'],
      ['Two hosts run debian.', 'supports'],
      ['The average CPU usage of the hosts is 71 %.', 'supports'],
      ['web-1 has the highest CPU usage.', 'supports'],
      ['The highest CPU usage is 91 %.', 'supports'],
      ['web-2 has a higher CPU usage than db-1.', 'refutes'],
      ['Only db-1 is down.', 'supports'],
    ],
  ],
  [
    'app.ini',
    'file',
    '[log]\nlevel=DEBUG\nmax_files=10\n[auth]\nmfa=required\nsession_timeout_min=30\n',
    [
      ['The log level is DEBUG.', 'supports'],
      ['The log level is INFO.', 'refutes'],
      ['Sessions time out after 30 minutes.', 'supports'],
      ['Sessions time out after one hour.', 'refutes'],
      ['At most ten log files are kept.', 'supports'],
    ],
  ],
  [
    'deploys',
    'log',
    '2026-04-01 10:00 api 2.3.0 deployed\n2026-04-03 11:30 api 2.4.0 deployed\n2026-04-03 12:10 api rolled back to 2.3.0\n',
    [
      ['Version 2.4.0 of the api was deployed on 3 April 2026.', 'supports'],
      ['Version 2.4.0 of the api was deployed on 1 April 2026.', 'refutes'],
      ['The api was rolled back.', 'supports'],
      ['The api was rolled back on 3 April.', 'supports'],
    ],
  ],
  [
    'node exporter on db-3',
    'metric',
    'node_filesystem_avail_bytes{mountpoint="/"} 10737418240\nnode_filesystem_size_bytes{mountpoint="/"} 107374182400\nnode_load1 3.2\nnode_memory_MemAvailable_bytes 4294967296\n',
    [
      ['The 1-minute load of db-3 is 3.2.', 'silent'],
      ['db-3 has 4 GiB of memory available.', 'supports'],
      ['db-3 has 8 GiB of memory available.', 'refutes'],
    ],
  ],
]

/** The cases, by what has to be understood. */
export const mixedCases: Readonly<Record<string, readonly Case[]>> = {
  mixed: rows.map(([title, type, content, claims]) => ({ title, type, content, claims })),
}
