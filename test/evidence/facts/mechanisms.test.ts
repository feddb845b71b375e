/** What each rule of the arithmetic can tell of prose, in short: what it bears out, contradicts and leaves alone. */
import { describe, expect, test } from 'vitest'
import { decide } from '../../../src/evidence/facts/decide.ts'

type Case = readonly [claim: string, verdict: 'supports' | 'refutes' | 'silent', title?: string]

const worlds: readonly (readonly [source: string, cases: readonly Case[]])[] = [
  // The most and the least of several.
  [
    'Metz had 40 errors, Lyon 12 and Nice 3.',
    [
      ['Metz had the most errors.', 'supports'],
      ['Lyon had the most errors.', 'refutes'],
      ['Nice had the fewest errors.', 'supports'],
      ['Brest had the most errors.', 'silent'],
      ['Of the four sites Metz had the most errors.', 'silent'],
    ],
  ],
  [
    'Errors per site:\n- Metz: 40 errors\n- Lyon: 12 errors\n- Nice: 3 errors',
    [
      ['Metz had the most errors.', 'supports'],
      ['Nice had the most errors.', 'refutes'],
    ],
  ],
  [
    'Rooms per night: Astra 112, Corona 125. The Dom has not answered yet.',
    [['The cheapest room is at the Astra.', 'silent']],
  ],
  // Lines of a diary, one by one.
  [
    '23:10 alarm north fence, fox\n00:45 alarm south fence\n02:20 patrol done\n03:05 alarm loading dock',
    [
      ['The alarm sounded three times.', 'supports', 'Gate diary'],
      ['The alarm sounded four times.', 'refutes', 'Gate diary'],
      ['The telephone rang three times.', 'silent', 'Gate diary'],
      ['The alarm sounded four times.', 'silent', 'Gate diary, excerpt'],
    ],
  ],
  // Days and times between two events.
  [
    '2 March: bearing broken. 3 March: pump ordered. 14 March: pump delivered.',
    [
      ['It took eleven days to deliver the pump.', 'supports'],
      ['It took nine days to deliver the pump.', 'refutes'],
      ['It took eleven days to deliver the valve.', 'silent'],
    ],
  ],
  [
    '16:40 resolvers begin to fail\n16:52 first page\n18:25 end of the outage',
    [
      ['The outage lasted an hour and three quarters.', 'supports', 'Outage of the resolvers'],
      ['The outage lasted two hours.', 'refutes', 'Outage of the resolvers'],
    ],
  ],
  [
    'The agreed recovery time is four hours.',
    [
      ['Recovery took longer than the agreed four hours.', 'silent'],
      ['Recovery took less than the agreed four hours.', 'silent'],
    ],
  ],
  // The line between versions.
  [
    'The server now refuses drivers below 3.4.',
    [
      ['Drivers older than 3.4 are no longer accepted.', 'supports'],
      ['Drivers older than 3.6 are no longer accepted.', 'refutes'],
      ['Plugins older than 3.4 are no longer accepted.', 'silent'],
    ],
  ],
  [
    'For a second camera you need firmware 5.2 or higher.',
    [
      ['You need at least firmware 5.2 to use the second camera.', 'supports'],
      ['You need at least firmware 4 to use the second camera.', 'refutes'],
      ['You need at least firmware 5.2 to use the second microphone.', 'silent'],
    ],
  ],
  [
    'The flaw is present in releases 4.6 through 5.0.',
    [
      ['Release 4.8 is affected by the flaw.', 'supports'],
      ['Release 5.2 is affected by the flaw.', 'refutes'],
    ],
  ],
  // Before and after.
  [
    'September brought 260 new sign-ups after 200 in August.',
    [
      ['Sign-ups grew by 30 percent.', 'supports'],
      ['Sign-ups grew by 60 percent.', 'refutes'],
    ],
  ],
  [
    'The timeout was lowered from 60 to 30 seconds.',
    [
      ['The timeout was lowered to 30 seconds.', 'supports'],
      ['The timeout was raised to 30 seconds.', 'refutes'],
    ],
  ],
  ['Cold starts halved twice in May.', [['Cold starts fell by half.', 'refutes']]],
  // Totals, and figures that are parts of them.
  [
    'Ground floor: 14 desks in use. First floor: 9 in use. Second floor: 11 in use.',
    [
      ['Altogether 34 desks are in use.', 'supports'],
      ['Altogether 14 desks are in use.', 'silent'],
    ],
  ],
  ['27 alerts were deleted, 13 deleted later and 5 kept.', [['40 alerts were deleted.', 'silent']]],
  // The same in other words.
  [
    'Twelve phones were lost.',
    [
      ['Twelve phones went missing.', 'supports'],
      ['Nine phones went missing.', 'refutes'],
      ['Twelve phones were received.', 'silent'],
    ],
  ],
  [
    'The new form was rolled out to 40 shops.',
    [
      ['The new form was shipped to 40 stores.', 'supports'],
      ['The new form was shipped to 60 stores.', 'refutes'],
      ['The old form was shipped to 40 stores.', 'silent'],
    ],
  ],
  // Who tells it, and what a word of kind leaves out.
  [
    '86 messages were lost for good.',
    [
      ['The postmortem puts the number of lost messages at 86.', 'supports'],
      ['According to the report 80 messages were lost.', 'refutes'],
    ],
  ],
  ['Churn over all customers is 3.1 %.', [['Churn among business customers is 3.1 %.', 'silent']]],
  [
    'The current model costs 0.8 cents per request.',
    [['The new model costs 0.8 cents per request.', 'silent']],
  ],
  // A label tells what a figure is of; days are no counts; a time at which something was seen.
  [
    'Bruges: 22 tablets, all charged. Ghent: 30 tablets.',
    [
      ['Bruges has 22 tablets.', 'supports'],
      ['Bruges has 30 tablets.', 'refutes'],
    ],
  ],
  [
    'Our telephone system shows calls from her number on 3 and 6 May.',
    [['The telephone system shows three calls from her number.', 'silent']],
  ],
  ['The side door was found open at 06:15.', [['The side door was opened at 03:00.', 'silent']]],
  // Change logs: what stands under the heading of a release.
  [
    '## 3.2.1\n- Memory leak in the cache fixed\n## 3.2.0\n- Crash on start fixed',
    [
      ['The memory leak was fixed in 3.2.1.', 'supports'],
      ['The memory leak was fixed in 3.2.0.', 'refutes'],
      ['The login was fixed in 3.2.1.', 'silent'],
    ],
  ],
  // Of how many, and of all.
  [
    'Of the five replicas, two fell behind and were rebuilt.',
    [
      ['Two of the five replicas fell behind.', 'supports'],
      ['Three replicas fell behind.', 'refutes'],
    ],
  ],
  ['11 of 12 checks passed, one was skipped.', [['All checks passed.', 'refutes']]],
  // What is required is a figure of its own.
  [
    'Passwords must have at least 12 characters.',
    [
      ['Passwords need at least 12 characters.', 'supports'],
      ['Passwords need at least 8 characters.', 'refutes'],
      ['Usernames need at least 12 characters.', 'silent'],
    ],
  ],
  [
    'The search cluster was down from 14:05 to 14:45 UTC.',
    [
      ['The search cluster was unavailable for 40 minutes.', 'supports'],
      ['The search cluster was unavailable for more than an hour.', 'refutes'],
      ['The mail cluster was unavailable for 40 minutes.', 'silent'],
    ],
  ],
  [
    'Response time: 210 ms on average in June (May: 260 ms).',
    [
      ['The average response time in June was 210 ms.', 'supports'],
      ['The average response time in June was 260 ms.', 'refutes'],
    ],
  ],
  // Subjects that are told apart by little.
  ['The old system ran on 12 servers.', [['The system runs on 12 servers.', 'silent']]],
  [
    'The lift in block B was out of order for five days.',
    [
      ['The lift in block B was out of order for five days.', 'supports'],
      ['The lift in block A was out of order for five days.', 'silent'],
    ],
  ],
  [
    'The deadline was moved from 15 May to 1 June.',
    [
      ['The deadline is 1 June.', 'supports'],
      ['The deadline is 15 May.', 'refutes'],
    ],
  ],
  // Each verb has its own figure.
  [
    'The import skipped 51 rows and loaded 9,000.',
    [
      ['The import skipped 51 rows.', 'supports'],
      ['The import skipped 15 rows.', 'refutes'],
      ['The import loaded 51 rows.', 'refutes'],
      ['The import loaded 8,000 rows.', 'refutes'],
    ],
  ],
  ['Four people were invited for the post.', [['Four people applied for the post.', 'silent']]],
  // Two figures of one thing, and one figure that can't be both.
  [
    'Shop B took 2,010 orders with a p95 of 1.4 s.',
    [
      ['Shop B took 2,010 orders with a p95 of 1.4 s.', 'supports'],
      ['Shop B took 870 orders with a p95 of 0.9 s.', 'refutes'],
      ['Shop C took 870 orders with a p95 of 0.9 s.', 'silent'],
    ],
  ],
]

describe('decide()', () => {
  test.each(
    worlds.flatMap(([source, cases]) =>
      cases.map(([claim, verdict, title]) => [claim, verdict, source, title]),
    ),
  )('%s: %s [%s]', (claim, verdict, content, title) => {
    const source = { id: 's1', content: content ?? '', ...(title === undefined ? {} : { title }) }
    expect(decide(claim ?? '', [source]).verdict).toBe(verdict)
  })
})
