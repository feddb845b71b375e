/** Plainly worded claims, a mechanism each: names without a value, states, switches, objects of verbs, keys, spans. */
import type { Case } from './cases.ts'

const rows: readonly (readonly [string, string, string, Case['claims']])[] = [
  [
    'mailer counters',
    'metric',
    'letters_printed: n/a\nletters_queued: 310\nstamps_sold: 12\n',
    [
      ['The mailer printed 310 letters.', 'silent'],
      ['310 letters are queued.', 'supports'],
      ['31 letters are queued.', 'refutes'],
    ],
  ],
  [
    'GET /lanes',
    'api',
    '{"lanes": [{"name": "east", "cars": 812, "code_7": 40}, {"name": "west", "cars": 655, "code_7": null}]}',
    [
      ['The east lane counted 812 cars.', 'supports'],
      ['The west lane counted 812 cars.', 'refutes'],
      ['The west lane counted 40 cars with code 7.', 'silent'],
    ],
  ],
  [
    'GET /bookings/9/events',
    'api',
    '[{"t": "2026-06-01T08:00:00Z", "event": "booked", "seats": 4},\n {"t": "2026-06-01T09:00:00Z", "event": "cancelled"}]',
    [['The booking is for four seats.', 'silent']],
  ],
  [
    'cellar.csv',
    'file',
    'time,litres,note\n06:00,910,\n07:00,910,\n08:00,,gauge was stuck; earlier values void\n',
    [['The cellar holds 910 litres.', 'silent']],
  ],
  [
    'restarts, 3 May',
    'metric',
    'restarts_total{svc="shop-web"} 0\nrestarts_total{svc="shop-api"} 0\nrestarts_total{svc="blog"} 2\n',
    [
      ['There were no restarts of the shop.', 'silent'],
      ['There were no restarts of the blog.', 'refutes'],
      ['The blog restarted twice.', 'supports'],
    ],
  ],
  [
    'door log',
    'log',
    '08:00:02 badge=77 entered\n08:40:10 badge=77 entered\n09:10:00 badge=77 locked by=admin\n',
    [
      ['Badge 77 was locked after it had entered a second time.', 'silent'],
      ['Badge 77 was locked after three seconds.', 'silent'],
    ],
  ],
  [
    'ring, node 4',
    'log',
    '03:12:44 W chair lost, starting ballot round=42\n03:12:45 I ballot won chair=n3 round=42\n09:20:10 W chair lost, starting ballot round=43\n09:20:12 I ballot won chair=n1 round=43\n',
    [['A ballot for the chair took place twice.', 'silent']],
  ],
  [
    'file copier, batch 12',
    'log',
    '[12/1] put a 201 ok\n[12/2] put b 412 digest mismatch\n[12/3] put c 201 ok\n[12/4] put d 412 digest mismatch\n[12] closed\n',
    [
      ['Two of the four files ended with a digest mismatch.', 'supports'],
      ['Three of the four files ended with a digest mismatch.', 'refutes'],
    ],
  ],
  [
    'flags.toml',
    'file',
    '[default]\ntracing = true\n\n[env.production]\ntracing = false\nlevel = "warn"\n',
    [
      ['Tracing is off in production.', 'supports'],
      ['Tracing is on in production.', 'refutes'],
    ],
  ],
  [
    'callers.yaml',
    'file',
    'invoice:\n  retries: 3\n  timeout: 4s\nledger:\n  retries: 0\n  timeout: 12s\n',
    [
      ['Retries are turned off for the ledger client.', 'supports'],
      ['Retries are turned off for the invoice client.', 'refutes'],
      ['The invoice client tries again three times.', 'supports'],
      ['The ledger client waits 4 seconds before it gives up.', 'refutes'],
    ],
  ],
  [
    'chores.csv',
    'file',
    'chore,owner,state\nmove ledger to tape,ida,todo\nwash the van,ben,done\npaint the fence,ben,In Progress\n',
    [
      ['Moving the ledger to tape has not been done yet.', 'supports'],
      ['Painting the fence is finished.', 'refutes'],
      ['Washing the van is done.', 'supports'],
    ],
  ],
  [
    'GET /albums?fields=name,shared',
    'api',
    '- name: holiday\n  public: true\n- name: receipts\n  public: false\n',
    [
      ['The receipts album is public.', 'refutes'],
      ['The holiday album is public.', 'supports'],
    ],
  ],
  [
    'GET /tickets/14/history',
    'api',
    '- at: 2026-03-01T10:00\n  state: open\n- at: 2026-03-03T16:30\n  state: closed\n- at: 2026-03-05T09:12\n  state: in progress\n',
    [
      ['Ticket 14 is closed.', 'refutes'],
      ['Ticket 15 is closed.', 'silent'],
    ],
  ],
  [
    'steps.json',
    'file',
    '[{"name": "draft", "done": true}, {"name": "pilot", "done": true}, {"name": "launch", "done": false}, {"name": "survey", "done": false}]',
    [
      ['Two of the steps are still open.', 'supports'],
      ['Three of the steps are still open.', 'refutes'],
    ],
  ],
  [
    'GET /suppliers?page=1',
    'api',
    '{"page": 1, "pages": 3, "items": [{"name": "Abel", "late": true}, {"name": "Burr", "late": true}, {"name": "Cole", "late": false}]}',
    [['Two suppliers are late.', 'silent']],
  ],
  [
    'GET /probes',
    'api',
    '{"checks": {"db": {"status": "pass"}, "queue": {"status": "pass"}, "mail": {"status": "warn"}}}',
    [
      ['None of the checks failed.', 'supports'],
      ['All checks passed.', 'refutes'],
    ],
  ],
  [
    'yards.csv',
    'file',
    'yard,received,sent\nAlm,118,101\nBre,97,99\nDel,203,180\n',
    [
      ['All three yards together received 418 crates.', 'supports'],
      ['All three yards together received 481 crates.', 'refutes'],
    ],
  ],
  [
    'gate counters',
    'metric',
    'gate_requests_total{site="north"} 88120\ngate_dropped_total{site="north"} 19\ngate_dropped_total{site="south"} 190\n',
    [
      ['The North gate dropped 19 requests.', 'supports'],
      ['The South gate dropped 19 requests.', 'refutes'],
    ],
  ],
  [
    'GET /sensors?room=cellar',
    'api',
    '[{"id": 13, "battery_pct": 61}, {"id": 14, "battery_pct": 16}]',
    [
      ['Battery level of sensor 14 is 61 percent.', 'refutes'],
      ['Battery level of sensor 13 is 61 percent.', 'supports'],
      ['Battery level of sensor 15 is 61 percent.', 'silent'],
    ],
  ],
  [
    'GET /boxes',
    'api',
    '{"boxes": [{"site": "Pula", "fw": "7.0.2"}, {"site": "Split", "fw": "7.1.0"}, {"site": "Zadar", "fw": "6.9.8"}]}',
    [
      ['All boxes are on firmware 7.', 'refutes'],
      ['Split runs a newer firmware than Pula.', 'supports'],
      ['Zadar runs a newer firmware than Pula.', 'refutes'],
    ],
  ],
  [
    'tills.csv',
    'file',
    'till,client,state\n1,8.4.0,up\n2,8.4.0,up\n3,,down\n',
    [['All the tills run client 8.4.', 'silent']],
  ],
  [
    'relstats',
    'database',
    ' release | path   | err_pct\n---------+--------+---------\n 4.8     | /login | 0.60\n 4.8     | /cart  | 0.25\n 4.9     | /login | 0.45\n 4.9     | /cart  | 0.50\n',
    [
      ['The error rate on /cart doubled between the two releases.', 'supports'],
      ['The error rate on /login doubled between the two releases.', 'refutes'],
    ],
  ],
  [
    'cost.csv',
    'file',
    'month,cost_per_order\n2026-01,3.00\n2026-02,3.50\n2026-03,4.50\n',
    [
      ['Cost per order rose by half between January and March.', 'supports'],
      ['Cost per order rose by half between January and February.', 'refutes'],
    ],
  ],
  [
    '$ sched status',
    'log',
    'scheduler: running (pid 2210)\njobs:      27 pending, 8 active, 1902 finished\nnext tick: 12 s\n',
    [
      ['The scheduler reports 27 pending jobs.', 'supports'],
      ['The scheduler reports 72 pending jobs.', 'refutes'],
    ],
  ],
  [
    '$ free -h on draw-2',
    'log',
    '               total        used        free      available\nMem:            62Gi        44Gi       1.5Gi       16Gi\nSwap:          8.0Gi       3.0Mi       8.0Gi\n',
    [
      ['Free memory on the host is down to 1.5 GiB.', 'supports'],
      ['Free memory on the host is down to 1.5 MB.', 'refutes'],
    ],
  ],
  [
    '$ kubectl get deploy',
    'log',
    'NAME       READY   AGE\nbasket     6/6     41d\ncatalog    7/9     41d\ncheckout   4/4     12d\n',
    [
      ['The catalog deployment has nine ready replicas.', 'refutes'],
      ['The catalog deployment has seven ready replicas.', 'supports'],
    ],
  ],
  [
    'cron: nightly-tally',
    'log',
    'Jan 17 01:30:00 nightly-tally[4410]: start\nJan 17 01:36:48 nightly-tally[4410]: phase 1 done\nJan 17 01:43:12 nightly-tally[4410]: finished, 0 errors\n',
    [
      ['The nightly job was through in under a quarter of an hour.', 'supports'],
      ['The nightly job was through in under ten minutes.', 'refutes'],
      ['On 16 January the nightly job was through in under a quarter of an hour.', 'silent'],
    ],
  ],
  [
    'pump log',
    'log',
    '19:05:00 pressure alarm raised\n19:12:00 valve opened\n19:45:00 pressure normal\n',
    [
      ['It was 40 minutes from the alarm to normal pressure.', 'supports'],
      ['It was 20 minutes from the alarm to normal pressure.', 'refutes'],
    ],
  ],
  [
    'fair.csv',
    'file',
    'day,tickets,rain\nFri,2100,no\nSat,4800,no\nSun,3900,yes\n',
    [
      ['Saturday had the most tickets.', 'supports'],
      ['Sunday had the most tickets.', 'refutes'],
    ],
  ],
]

/** Sources with claims and the verdict that each has to get. */
export const plainCases: Readonly<Record<string, readonly Case[]>> = {
  'plain words': rows.map(([title, type, content, claims]) => ({ title, type, content, claims })),
}
