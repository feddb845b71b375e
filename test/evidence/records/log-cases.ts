/** Short logs, dumps and answers with claims in other words: figures in messages, lists, settings, durations. */
import type { Case } from './cases.ts'

/** The cases, by what has to be understood. */
export const logCases: Readonly<Record<string, readonly Case[]>> = {
  messages: [
    {
      title: 'payments.log',
      type: 'log',
      content: [
        '2026-05-11T08:00:01Z INFO  payment p-1 authorised in 120 ms',
        '2026-05-11T08:00:02Z INFO  payment p-2 authorised in 480 ms',
        '2026-05-11T08:00:05Z ERROR payment p-3 declined: card expired',
        '2026-05-11T08:00:09Z WARN  queue length 40',
        '2026-05-11T08:00:30Z WARN  queue length 75',
        '2026-05-11T08:01:10Z INFO  payment p-4 authorised in 95 ms',
        '2026-05-11T08:02:00Z ERROR payment p-5 declined: insufficient funds',
      ].join('\n'),
      claims: [
        ['Payment p-2 was authorised in 480 ms.', 'supports'],
        ['Payment p-2 was authorised in less than 400 ms.', 'refutes'],
        ['Payment p-2 was authorised within half a second.', 'supports'],
        ['Payment p-9 was authorised in 480 ms.', 'silent'],
        ['Two payments were declined.', 'supports'],
        ['Four payments were declined.', 'refutes'],
        ['Three payments were authorised.', 'supports'],
        ['Exactly one payment was declined because of insufficient funds.', 'supports'],
        ['Payment p-3 was declined.', 'supports'],
        ['The longest queue length was 75.', 'supports'],
        ['The queue length never exceeded 80.', 'supports'],
        ['The queue length never exceeded 60.', 'refutes'],
        ['Payment p-3 was declined before payment p-5.', 'supports'],
        ['Two payments were refunded.', 'silent'],
        ['No payment was declined.', 'refutes'],
        ['Two payments were declined in staging.', 'silent'],
      ],
    },
    {
      title: 'cron on host atlas',
      type: 'log',
      content: [
        'Jun 12 01:00:00 atlas backup[311]: started, target s3',
        'Jun 12 01:42:30 atlas backup[311]: finished, 18.4 GiB written',
        'Jun 12 02:00:00 atlas vacuum[402]: started',
        'Jun 12 02:03:00 atlas vacuum[402]: failed: lock timeout',
      ].join('\n'),
      claims: [
        ['The backup on atlas wrote 18.4 GiB.', 'supports'],
        ['The backup on atlas wrote more than 20 GiB.', 'refutes'],
        ['The backup took less than 45 minutes.', 'supports'],
        ['The backup took more than an hour.', 'refutes'],
        ['The vacuum failed.', 'supports'],
        ['The backup was finished before the vacuum started.', 'supports'],
        ['The backup on boreas wrote 18.4 GiB.', 'silent'],
        ['The vacuum started at 02:00.', 'supports'],
        ['The vacuum started at 03:00.', 'refutes'],
      ],
    },
    {
      title: 'access.log of shop-web, 10:00 to 10:05',
      type: 'log',
      content: [
        '10.0.0.1 - - [08/May/2026:10:00:01 +0000] "GET /cart HTTP/1.1" 200 512',
        '10.0.0.2 - - [08/May/2026:10:01:04 +0000] "POST /pay HTTP/1.1" 500 88',
        '10.0.0.1 - - [08/May/2026:10:02:15 +0000] "GET /cart HTTP/1.1" 304 0',
        '10.0.0.3 - - [08/May/2026:10:03:22 +0000] "POST /pay HTTP/1.1" 502 161',
        '10.0.0.3 - - [08/May/2026:10:04:39 +0000] "GET /help HTTP/1.1" 404 161',
      ].join('\n'),
      claims: [
        ['One request was answered with status 404.', 'supports'],
        ['Two requests were answered with a 5xx status.', 'supports'],
        ['Three requests were answered with a 5xx status.', 'refutes'],
        ['There were two requests to /pay.', 'supports'],
        ['There were five requests to /cart.', 'refutes'],
        ['There were two requests to /login.', 'silent'],
      ],
    },
  ],
  dumps: [
    {
      title: 'redis INFO on cache-1',
      type: 'metric',
      content:
        'connected_clients:41\nused_memory_bytes:734003200\nmaxmemory_bytes:1073741824\nkeyspace_hits:9800\nkeyspace_misses:200\nevicted_keys:0\nuptime_in_days:12\nrole:replica\n',
      claims: [
        ['cache-1 has 41 connected clients.', 'supports'],
        ['cache-1 uses 700 MiB of memory.', 'supports'],
        ['cache-1 uses more than 800 MiB of memory.', 'refutes'],
        ['cache-1 has evicted no keys.', 'supports'],
        ['cache-1 has been up for 12 days.', 'supports'],
        ['cache-1 has been up for more than two weeks.', 'refutes'],
        ['cache-2 has 41 connected clients.', 'silent'],
        ['The role of cache-1 is replica.', 'supports'],
      ],
    },
    {
      title: 'GET /v1/jobs',
      type: 'api',
      content:
        '{"jobs": [{"name": "etl", "state": "running", "attempts": 1, "runtime_s": 95}, {"name": "report", "state": "queued", "attempts": 0, "runtime_s": 0}, {"name": "sync", "state": "failed", "attempts": 3, "runtime_s": 610}]}',
      claims: [
        ['The sync job was attempted three times.', 'supports'],
        ['The sync job failed after three attempts.', 'supports'],
        ['The sync job ran for more than ten minutes.', 'supports'],
        ['The etl job ran for more than two minutes.', 'refutes'],
        ['The etl job is running.', 'supports'],
        ['The report job is running.', 'refutes'],
        ['None of the jobs failed.', 'refutes'],
        ['The sync job has the longest runtime.', 'supports'],
        ['The sync job made more attempts than the etl job.', 'supports'],
        ['The mail job failed.', 'silent'],
      ],
    },
    {
      title: 'nginx/shop.conf',
      type: 'file',
      content:
        'upstream shop {\n  server 10.0.0.1:8080;\n  keepalive 32;\n}\nserver {\n  listen 443 ssl;\n  client_max_body_size 20m;\n  location /api/ {\n    proxy_read_timeout 30s;\n  }\n  location /export/ {\n    proxy_read_timeout 300s;\n  }\n}\n',
      claims: [
        ['The read timeout of /api/ is 30 seconds.', 'supports'],
        ['The read timeout of /api/ is 60 seconds.', 'refutes'],
        ['The read timeout of /export/ is five minutes.', 'supports'],
        ['The read timeout of /admin/ is 30 seconds.', 'silent'],
        ['The maximum body size is 20 MB.', 'supports'],
        ['The maximum body size is 50 MB.', 'refutes'],
      ],
    },
    {
      title: 'settings.toml',
      type: 'file',
      content:
        '[server]\nport = 8443\nworkers = 6\ndebug = false\n\n[server.tls]\nmin_version = "1.2"\n\n[mail]\nretries = 3\nretry_delay = "45s"\nsender = "ops@example.org"\n',
      claims: [
        ['The server listens on port 8443.', 'supports'],
        ['The server listens on port 8080.', 'refutes'],
        ['The server has six workers.', 'supports'],
        ['Debug mode is disabled.', 'supports'],
        ['Debug mode is enabled.', 'refutes'],
        ['Mail is retried three times.', 'supports'],
        ['Mail is retried five times.', 'refutes'],
        ['The retry delay of mail is 45 seconds.', 'supports'],
        ['The retry delay of mail is less than half a minute.', 'refutes'],
        ['The minimum TLS version is 1.2.', 'supports'],
        ['The minimum TLS version is 1.3.', 'refutes'],
      ],
    },
    {
      title: 'queue depth by topic',
      type: 'metric',
      content:
        '# HELP kafka_consumer_lag Messages behind the end of the topic\nkafka_consumer_lag{topic="orders",group="billing"} 1200\nkafka_consumer_lag{topic="orders",group="search"} 15\nkafka_consumer_lag{topic="clicks",group="search"} 0\ncpu_usage_ratio{node="a"} 0.42\ncpu_usage_ratio{node="b"} 0.91\nhttp_errors_total{code="500"} 12\nhttp_errors_total{code="503"} 30\n',
      claims: [
        ['The consumer lag of billing on the topic orders is 1,200 messages.', 'supports'],
        ['The consumer lag of billing on the topic orders is below 1,000 messages.', 'refutes'],
        ['The consumer lag of shipping on the topic orders is 1,200 messages.', 'silent'],
        ['CPU usage on node b is above 90 %.', 'supports'],
        ['CPU usage on node a is above 90 %.', 'refutes'],
        ['Node b has a higher CPU usage than node a.', 'supports'],
        ['Memory usage on node b is above 90 %.', 'silent'],
        ['There were 42 errors in total.', 'supports'],
      ],
    },
  ],
}
