/** Claims that look like what a row states and say another thing: other verbs, wishes, differences, other kinds. */
import type { Case } from './cases.ts'

const services = 'service,requests,errors,p95_ms\nsearch,120,4,310\ncart,300,9,120\nmail,80,0,95\n'
const months = 'month,signups,revenue_eur\n2026-01,400,12000\n2026-02,500,13500\n2026-03,450,15000\n'
const backups = [
  '{"ts":"2026-05-01T10:00:00Z","level":"info","msg":"backup started","db":"ledger"}',
  '{"ts":"2026-05-01T10:12:00Z","level":"info","msg":"backup finished","db":"ledger","duration_s":720}',
  '{"ts":"2026-05-01T11:00:00Z","level":"error","msg":"backup failed","db":"stock"}',
  '{"ts":"2026-05-01T12:00:00Z","level":"warn","msg":"backup slow","db":"users"}',
].join('\n')

const rows: readonly (readonly [string, string, string, Case['claims']])[] = [
  [
    'services',
    'file',
    services,
    [
      ['Search served 120 requests.', 'supports'],
      ['Search handled 300 requests.', 'refutes'],
      ['Search queued 120 requests.', 'silent'],
      ['Search duplicated 120 requests.', 'silent'],
      ['Search fixed 4 errors.', 'silent'],
      ['Search avoided 4 errors.', 'silent'],
      ['Search had 4 fewer errors.', 'silent'],
      ['Search used to have 120 requests.', 'silent'],
      ['Search would have 120 requests.', 'silent'],
      ['Search needs 120 requests.', 'silent'],
      ['The search team has 120 requests.', 'silent'],
      ['Two services had no errors.', 'silent'],
      ['The p99 of search is 310 ms.', 'silent'],
      ['Cart had nine errors last week.', 'silent'],
    ],
  ],
  [
    'signups.csv',
    'file',
    months,
    [
      ['Signups rose by 25 % from January to February.', 'supports'],
      ['Signups rose every month.', 'silent'],
      ['Revenue per signup was 27 euros in February.', 'silent'],
      ['There were 500 signups in February 2025.', 'silent'],
      ['There were 500 cancelled signups in February.', 'silent'],
      ['Net revenue was 13,500 euros in February.', 'silent'],
      ['The most signups were in March.', 'refutes'],
      ['The most signups were in February.', 'supports'],
    ],
  ],
  [
    'backup log',
    'log',
    backups,
    [
      ['The backup of ledger took twelve minutes.', 'supports'],
      ['The restore of ledger took twelve minutes.', 'silent'],
      ['The next backup of ledger takes twelve minutes.', 'silent'],
      ['The backup of stock failed.', 'supports'],
      ['The backup of users failed.', 'silent'],
      ['The backup of payroll failed.', 'silent'],
      ['The backup of ledger was deleted.', 'silent'],
    ],
  ],
  [
    'shop log',
    'log',
    '10:05:00 WARN slow svc=cart p95=840ms\n10:06:00 ERROR timeout svc=cart order=991\n10:09:00 ERROR timeout svc=mail\n10:20:00 INFO rollback to 4.1\n',
    [
      ['There were two timeouts.', 'supports'],
      ['Order 992 timed out.', 'silent'],
      ['The p95 of mail was 840 ms.', 'silent'],
      ['The p50 of cart was 840 ms.', 'silent'],
    ],
  ],
  [
    'SELECT * FROM jobs',
    'database',
    ' job    | state  | started             | secs\n--------+--------+---------------------+------\n import | done   | 2026-03-01 02:00:00 |  312\n export | failed | 2026-03-01 03:00:00 |   14\n',
    [
      ['The import took 312 seconds.', 'supports'],
      ['The import took less than five minutes.', 'refutes'],
      ['The import waited 312 seconds.', 'silent'],
      ['The import finished at 02:00.', 'silent'],
      ['The import was restarted.', 'silent'],
      ['The export failed.', 'supports'],
      ['The import failed.', 'refutes'],
    ],
  ],
  [
    'store on db2',
    'log',
    '04:00:09 db2 sweep complete: wrote 812 buffers\n04:05:21 db2 sweep complete: wrote 1420 buffers\n04:06:00 db2 ERROR deadlock detected\n',
    [
      ['Sweeps wrote 2,232 buffers in total.', 'supports'],
      ['The last sweep read 1,420 buffers.', 'silent'],
      ['There was one deadlock.', 'supports'],
    ],
  ],
  [
    'access log',
    'log',
    '10.0.0.1 - - [02/Feb/2026:09:58:02 +0000] "GET /a HTTP/1.1" 200 812\n10.0.0.2 - - [02/Feb/2026:09:58:11 +0000] "GET /b HTTP/1.1" 404 410\n10.0.0.1 - - [02/Feb/2026:09:58:40 +0000] "POST /c HTTP/1.1" 503 96\n10.0.0.1 - - [02/Feb/2026:09:59:40 +0000] "POST /c HTTP/1.1" 503 96\n',
    [
      ['Two requests were answered with 503.', 'supports'],
      ['Three requests were answered with 503.', 'refutes'],
      ['Two requests were retried with 503.', 'silent'],
    ],
  ],
  [
    'app.yaml',
    'file',
    'api:\n  timeout: 5s\n  max_retries: 3\n  pool:\n    size: 20\nworker:\n  timeout: 30s\n  concurrency: 8\n',
    [
      ['The api times out after 5 seconds.', 'supports'],
      ['The worker times out after half a minute.', 'supports'],
      ['The api times out after 30 seconds.', 'refutes'],
      ['The worker retries three times.', 'silent'],
      ['The api responded after 5 seconds.', 'silent'],
      ['The worker pool has 20 connections.', 'silent'],
      ['The database times out after 5 seconds.', 'silent'],
    ],
  ],
]

/** Sources with claims and the verdict that each has to get. */
export const trapCases: Readonly<Record<string, readonly Case[]>> = {
  traps: rows.map(([title, type, content, claims]) => ({ title, type, content, claims })),
}
