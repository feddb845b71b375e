/** Short sources of each kind, with claims that they support, refute or leave open. Written for these tests. */

/** A source as the checker takes it, with claims and the verdict that each is to get. */
export type Case = {
  readonly title: string
  readonly type: string
  readonly content: string
  readonly claims: readonly (readonly [string, 'supports' | 'refutes' | 'silent'])[]
}

/** The cases, by what has to be understood. */
export const cases: Readonly<Record<string, readonly Case[]>> = {
  tables: [
    {
      title: 'Nightly jobs',
      type: 'database',
      content: [
        ' job      | status  | duration_s | rows ',
        '----------+---------+------------+------',
        ' invoices | ok      |        312 | 4400 ',
        ' ledger   | failed  |         45 |    0 ',
        ' mailing  | ok      |        128 | 9120 ',
        ' archive  | failed  |        300 |   17 ',
        '(4 rows)',
      ].join('\n'),
      claims: [
        ['The ledger job took 45 seconds.', 'supports'],
        ['The ledger job took less than a minute.', 'supports'],
        ['The invoices job took less than five minutes.', 'refutes'],
        ['The invoices job ran for more than five minutes.', 'supports'],
        ['The payroll job took 45 seconds.', 'silent'],
        ['Two jobs failed.', 'supports'],
        ['Three jobs failed.', 'refutes'],
        ['Half of the jobs failed.', 'supports'],
        ['The mailing job processed 9,120 rows.', 'supports'],
        ['The mailing job processed 4,400 rows.', 'refutes'],
        ['The invoices job took the longest.', 'supports'],
        ['The archive job took longer than the invoices job.', 'refutes'],
        ['The archive job took longer than the mailing job.', 'supports'],
        ['The median duration of the ledger job was 45 seconds.', 'silent'],
        ['The jobs took 785 seconds in total.', 'supports'],
        ['The ledger job failed.', 'supports'],
        ['The mailing job failed.', 'refutes'],
        ['The mailing job used 45 MB of memory.', 'silent'],
      ],
    },
    {
      title: 'Requests per region, May 2026',
      type: 'file',
      content:
        'region,requests,errors,p95_ms\neu-west,120400,301,212\neu-north,80110,96,180\nus-east,240900,1204,340\n',
      claims: [
        ['us-east had the most errors.', 'supports'],
        ['eu-west had the fewest errors.', 'refutes'],
        ['eu-north had fewer errors than eu-west.', 'supports'],
        ['The p95 latency in us-east was 340 ms.', 'supports'],
        ['The p95 latency in us-east was below 0.3 s.', 'refutes'],
        ['The p99 latency in us-east was 340 ms.', 'silent'],
        ['Across all regions there were 1,601 errors in total.', 'supports'],
        ['Across all regions there were 1,500 errors in total.', 'refutes'],
        ['No region had a p95 above 350 ms.', 'supports'],
        ['No region had a p95 above 300 ms.', 'refutes'],
        ['All regions had a p95 below 350 ms.', 'supports'],
        ['ap-south had 96 errors.', 'silent'],
        ['In June us-east had 1,204 errors.', 'silent'],
        ['In May us-east had 1,204 errors.', 'supports'],
      ],
    },
    {
      title: 'Build times by release',
      type: 'report',
      content:
        '| Release | Build time (s) | Image size (MiB) |\n| --- | ---: | ---: |\n| 4.1 | 200 | 310 |\n| 4.2 | 240 | 155 |\n',
      claims: [
        ['Build time rose by 20 % from release 4.1 to release 4.2.', 'supports'],
        ['Build time rose by 40 % from release 4.1 to release 4.2.', 'refutes'],
        ['Build time fell from release 4.1 to release 4.2.', 'refutes'],
        ['Image size was halved from release 4.1 to release 4.2.', 'supports'],
        ['Image size doubled from release 4.1 to release 4.2.', 'refutes'],
        ['Build time rose from 200 to 240 seconds.', 'supports'],
        ['Test time rose by 20 % from release 4.1 to release 4.2.', 'silent'],
      ],
    },
  ],
  documents: [
    {
      title: 'config/checkout.yaml',
      type: 'file',
      content:
        'service: checkout\nreplicas: 4\nlogging:\n  level: warn\ncache:\n  enabled: true\n  ttl: 15m\n  max_entries: 5000\ndatabase:\n  pool_size: 20\n  timeout_ms: 1500\n# retries: 7\n',
      claims: [
        ['The checkout service runs with four replicas.', 'supports'],
        ['The checkout service runs with six replicas.', 'refutes'],
        ['The payment service runs with four replicas.', 'silent'],
        ['The database pool of checkout has a size of 20.', 'supports'],
        ['The database timeout is set to 1.5 seconds.', 'supports'],
        ['The database timeout is set to 3 seconds.', 'refutes'],
        ['The cache TTL is 15 minutes.', 'supports'],
        ['The cache TTL is 900 seconds.', 'supports'],
        ['The cache is limited to 5,000 entries.', 'supports'],
        ['The cache is limited to 8,000 entries.', 'refutes'],
        ['The cache holds 5,000 entries.', 'silent'],
        ['The cache is enabled.', 'supports'],
        ['The cache is disabled.', 'refutes'],
        ['The log level is warn.', 'supports'],
        ['The log level is debug.', 'refutes'],
        ['Seven retries are configured.', 'silent'],
      ],
    },
    {
      title: 'GET /status',
      type: 'api',
      content:
        '{"service": "search", "version": "2.14.1", "uptime_seconds": 7200, "queue": {"depth": 18, "limit": 500}, "nodes": [{"name": "n1", "state": "ready", "disk_used_percent": 61.5}, {"name": "n2", "state": "draining", "disk_used_percent": 83.2}]}',
      claims: [
        ['The search service runs version 2.14.1.', 'supports'],
        ['The search service runs version 2.15.0.', 'refutes'],
        ['The search service has been up for two hours.', 'supports'],
        ['The search service has been up for more than three hours.', 'refutes'],
        ['Disk usage on node n2 is above 80 %.', 'supports'],
        ['Disk usage on node n1 is above 80 %.', 'refutes'],
        ['Disk usage on node n3 is above 80 %.', 'silent'],
        ['The queue depth is 18.', 'supports'],
        ['The queue depth is 500.', 'refutes'],
        ['The queue limit is 500.', 'supports'],
        ['Node n2 is draining.', 'supports'],
        ['Node n1 is draining.', 'refutes'],
        ['Memory usage on node n1 is 61.5 %.', 'silent'],
      ],
    },
  ],
  metrics: [
    {
      title: 'api gateway /metrics',
      type: 'metric',
      content:
        '# HELP http_request_duration_seconds Request latency\nhttp_request_duration_seconds{route="/login",quantile="0.5"} 0.041\nhttp_request_duration_seconds{route="/login",quantile="0.99"} 0.93\nhttp_request_duration_seconds{route="/cart",quantile="0.99"} 0.4\nprocess_resident_memory_bytes 536870912\nmemory_limit_bytes 1073741824\nhttp_requests_total{route="/login"} 9000\nhttp_requests_total{route="/cart"} 4500\n',
      claims: [
        ['The p99 latency of /login is 930 ms.', 'supports'],
        ['The 99th percentile of /login is under 500 ms.', 'refutes'],
        ['The median latency of /login is 41 ms.', 'supports'],
        ['The p95 latency of /login is 930 ms.', 'silent'],
        ['The p99 latency of /search is 930 ms.', 'silent'],
        ['The gateway uses 512 MiB of resident memory.', 'supports'],
        ['The gateway uses 1 GiB of resident memory.', 'refutes'],
        ['The memory limit of the gateway is 1 GiB.', 'supports'],
        ['/login received more requests than /cart.', 'supports'],
        ['/cart received more requests than /login.', 'refutes'],
      ],
    },
  ],
  logs: [
    {
      title: 'worker.log, 3 June 2026',
      type: 'log',
      content: [
        '2026-06-03T10:00:00Z INFO  import started',
        '2026-06-03T10:02:10Z WARN  timeout talking to ldap, retrying',
        '2026-06-03T10:03:40Z ERROR disk full on /data',
        '2026-06-03T10:04:00Z WARN  timeout talking to ldap, retrying',
        '2026-06-03T10:06:00Z ERROR upload failed',
        '2026-06-03T10:12:00Z INFO  import finished rows=4120',
      ].join('\n'),
      claims: [
        ['The worker logged two errors.', 'supports'],
        ['The worker logged three errors.', 'refutes'],
        ['There were two timeouts.', 'supports'],
        ['There were five timeouts.', 'refutes'],
        ['No errors were logged.', 'refutes'],
        ['No errors were logged after 10:10.', 'supports'],
        ['The import took twelve minutes.', 'supports'],
        ['The import took less than ten minutes.', 'refutes'],
        ['The disk was full before the upload failed.', 'supports'],
        ['The upload failed before the disk was full.', 'refutes'],
        ['The import finished at 10:12.', 'supports'],
        ['The import finished at 10:20.', 'refutes'],
        ['The import handled 4,120 rows.', 'supports'],
        ['The export took twelve minutes.', 'silent'],
        ['There were two timeouts on 4 June 2026.', 'silent'],
        ['Two errors were logged between 10:03 and 10:07.', 'supports'],
        ['One error was logged between 10:05 and 10:30.', 'supports'],
      ],
    },
    {
      title: 'autoscaler',
      type: 'log',
      content:
        '09:00:00 web: replicas set to 3\n09:20:00 web: replicas set to 5\n09:45:00 web: replicas set to 4\n',
      claims: [
        ['The web tier is now set to four replicas.', 'supports'],
        ['The web tier is now set to five replicas.', 'refutes'],
      ],
    },
    {
      title: 'requests, sampled 1 in 10',
      type: 'log',
      content:
        'level=error req=1 msg="upstream reset"\nlevel=info req=2 msg=ok\nlevel=error req=3 msg="upstream reset"\n',
      claims: [
        ['There were two errors.', 'silent'],
        ['Request 2 caused no error.', 'silent'],
      ],
    },
  ],
}
