/** More short sources with claims: limits and plans, superseded states, negation, versions, time, several things. */
import type { Case } from './cases.ts'

/** The cases, by what has to be understood. */
export const moreCases: Readonly<Record<string, readonly Case[]>> = {
  limits: [
    {
      title: 'deploy/api.yaml',
      type: 'file',
      content:
        'resources:\n  requests:\n    cpu: 500m\n    memory: 256Mi\n  limits:\n    memory: 1Gi\nscaling:\n  min_replicas: 2\n  max_replicas: 8\n',
      claims: [
        ['The memory limit of the api is 1 GiB.', 'supports'],
        ['The memory limit of the api is 2 GiB.', 'refutes'],
        ['The api uses 1 GiB of memory.', 'silent'],
        ['The api may scale up to 8 replicas.', 'supports'],
        ['The api runs 8 replicas.', 'silent'],
        ['The maximum number of replicas is 10.', 'refutes'],
        ['The minimum number of replicas is 2.', 'supports'],
      ],
    },
    {
      title: 'slo.csv',
      type: 'file',
      content:
        'service,p95_target_ms,p95_actual_ms,availability_pct\nlogin,200,180,99.97\nsearch,400,455,99.90\n',
      claims: [
        ['The actual p95 of search was above 400 ms.', 'supports'],
        ['The p95 target of search is 400 ms.', 'supports'],
        ['The p95 target of login is 400 ms.', 'refutes'],
        ['The availability of payments was at least 99.95 %.', 'silent'],
      ],
    },
    {
      title: 'Capacity plan 2027',
      type: 'document',
      content:
        '| Cluster | Nodes planned | Nodes now |\n| --- | --- | --- |\n| north | 12 | 9 |\n| south | 6 | 6 |\n',
      claims: [
        ['The north cluster has nine nodes now.', 'silent'],
        ['Twelve nodes are planned for the north cluster.', 'supports'],
        ['Eight nodes are planned for the north cluster.', 'refutes'],
      ],
    },
  ],
  superseded: [
    {
      title: 'incident notes',
      type: 'log',
      content:
        '09:10 first estimate: 1,200 accounts affected\n09:55 update: 1,850 accounts affected\n11:20 correction: 940 accounts affected\n',
      claims: [
        ['940 accounts were affected.', 'supports'],
        ['1,850 accounts were affected.', 'refutes'],
        ['940 orders were affected.', 'silent'],
      ],
    },
    {
      title: 'feature flags, audit log',
      type: 'log',
      content:
        '2026-02-01T08:00:00Z flag=dark-mode state=off by=ana\n2026-02-02T09:00:00Z flag=dark-mode state=on by=raj\n2026-02-02T09:05:00Z flag=beta-search state=off by=raj\n',
      claims: [
        ['The flag dark-mode is on.', 'supports'],
        ['The flag dark-mode is off.', 'refutes'],
        ['The flag beta-search is on.', 'refutes'],
        ['The flag fast-checkout is on.', 'silent'],
      ],
    },
  ],
  negation: [
    {
      title: 'pods in namespace shop',
      type: 'report',
      content:
        'NAME          READY   STATUS             RESTARTS   AGE\ncart-7d9      1/1     Running            0          3d\ncheckout-55   1/1     Running            4          3d\nsearch-9f     0/1     CrashLoopBackOff   17         2h\n',
      claims: [
        ['Pod cart-7d9 did not restart.', 'supports'],
        ['Pod cart-7d9 has never restarted.', 'supports'],
        ['Pod checkout-55 has not restarted.', 'refutes'],
        ['Pod search-9f restarted 17 times.', 'supports'],
        ['Pod search-9f restarted more than 20 times.', 'refutes'],
        ['Pod payment-1 restarted 17 times.', 'silent'],
        ['No pod restarted more than 20 times.', 'supports'],
        ['Two pods are running.', 'supports'],
        ['All pods are running.', 'refutes'],
        ['Pod search-9f is running.', 'refutes'],
      ],
    },
    {
      title: 'test run of billing',
      type: 'log',
      content: 'suite=unit passed=412 failed=0 skipped=3\nsuite=e2e passed=57 failed=2 skipped=0\n',
      claims: [
        ['No unit tests failed.', 'supports'],
        ['No e2e tests failed.', 'refutes'],
        ['Two e2e tests failed.', 'supports'],
        ['412 unit tests passed.', 'supports'],
        ['Three unit tests were skipped.', 'supports'],
        ['Five unit tests were skipped.', 'refutes'],
        ['Two smoke tests failed.', 'silent'],
      ],
    },
  ],
  versions: [
    {
      title: 'package.lock',
      type: 'file',
      content:
        '[[package]]\nname = "tarwalk"\nversion = "1.10.0"\n\n[[package]]\nname = "tarscan"\nversion = "0.7.2"\n',
      claims: [
        ['tarwalk is pinned to version 1.10.0.', 'supports'],
        ['tarwalk is pinned to version 1.9.0.', 'refutes'],
        ['tarwalk is at version 1.9.4 or newer.', 'supports'],
        ['tarscan is at version 1.0 or newer.', 'refutes'],
        ['zipwalk is pinned to version 1.10.0.', 'silent'],
        ['tarwalk is newer than 1.9.4.', 'supports'],
      ],
    },
    {
      title: 'agents',
      type: 'api',
      content:
        '[{"id": "a1", "version": "3.4.1", "os": "linux"}, {"id": "a2", "version": "3.5.0", "os": "windows"}, {"id": "a3", "version": "3.5.0", "os": "linux"}]',
      claims: [
        ['All agents run version 3.4 or newer.', 'supports'],
        ['All agents run version 3.5 or newer.', 'refutes'],
        ['Two agents run on linux.', 'supports'],
        ['Agent a2 runs version 3.5.0.', 'supports'],
        ['Agent a1 runs version 3.5.0.', 'refutes'],
        ['Agent a2 runs on windows.', 'supports'],
        ['Agent a2 runs on linux.', 'refutes'],
      ],
    },
  ],
  time: [
    {
      title: 'deploy log, 7 July 2026',
      type: 'log',
      content:
        '2026-07-07T14:00:05Z deploy 812 started\n2026-07-07T14:06:35Z migration started\n2026-07-07T14:08:35Z migration finished\n2026-07-07T14:11:05Z deploy 812 finished\n2026-07-07T15:20:00Z rollback started\n',
      claims: [
        ['Deploy 812 took eleven minutes.', 'supports'],
        ['Deploy 812 took less than ten minutes.', 'refutes'],
        ['The migration took two minutes.', 'supports'],
        ['The migration took more than five minutes.', 'refutes'],
        ['The migration finished before the rollback started.', 'supports'],
        ['The rollback started before the migration finished.', 'refutes'],
        ['The rollback started at 15:20 UTC.', 'supports'],
        ['The rollback started at 16:20 UTC.', 'refutes'],
        ['The rollback started on 8 July 2026.', 'refutes'],
        ['Deploy 813 took eleven minutes.', 'silent'],
      ],
    },
    {
      title: 'certificates',
      type: 'database',
      content:
        ' host          | issued     | expires\n---------------+------------+------------\n api.example   | 2026-01-10 | 2026-04-10\n shop.example  | 2026-03-01 | 2027-03-01\n(2 rows)\n',
      claims: [
        ['The certificate of api.example expires on 10 April 2026.', 'supports'],
        ['The certificate of api.example expires on 1 March 2027.', 'refutes'],
        ['The certificate of mail.example expires on 10 April 2026.', 'silent'],
        ['The certificate of shop.example expires after 1 January 2027.', 'supports'],
        ['The certificate of api.example expires before the one of shop.example.', 'silent'],
      ],
    },
  ],
  units: [
    {
      title: 'backup report',
      type: 'file',
      content:
        'set: home\nsize_bytes: 2147483648\nduration_s: 5400\nspeed_mb_s: 48\ntemperature_c: 41\nerror_rate: 0.4%\n',
      claims: [
        ['The backup set home has a size of 2 GiB.', 'supports'],
        ['The backup set home has a size of 2 TiB.', 'refutes'],
        ['The backup of home took an hour and a half.', 'supports'],
        ['The backup of home took three quarters of an hour.', 'refutes'],
        ['The backup of home took 90 minutes.', 'supports'],
        ['The backup of home took less than an hour.', 'refutes'],
        ['The error rate of the backup is below 1 %.', 'supports'],
        ['The error rate of the backup is below 0.1 %.', 'refutes'],
        ['The temperature is above 100 °F.', 'supports'],
        ['The temperature is above 45 °C.', 'refutes'],
      ],
    },
  ],
  change: [
    {
      title: 'monthly figures',
      type: 'file',
      content: 'month,signups,churn_pct\n2026-03,1200,4.0\n2026-04,1500,3.0\n2026-05,3000,3.5\n',
      claims: [
        ['Signups doubled from April to May.', 'supports'],
        ['Signups doubled from March to April.', 'refutes'],
        ['Signups rose by 25 % from March to April.', 'supports'],
        ['Signups rose from 1,200 in March to 1,500 in April.', 'supports'],
        ['Churn fell by one percentage point from March to April.', 'supports'],
        ['Churn rose from March to April.', 'refutes'],
        ['Signups were higher in May than in April.', 'supports'],
        ['Signups were lower in May than in April.', 'refutes'],
        ['May had the most signups.', 'supports'],
        ['In April there were 1,500 signups.', 'supports'],
        ['In April there were 3,000 signups.', 'refutes'],
        ['In June there were 3,000 signups.', 'silent'],
        ['Revenue doubled from April to May.', 'silent'],
      ],
    },
  ],
}
