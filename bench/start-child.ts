/**
 * A fresh Node process for `start`: opens an enhancer, embeds one text, and prints one line of JSON with its
 * times in milliseconds since this process began. Argument: the pool's size.
 */
const { EvidenceEnhancer } = await import('../src/index.ts')
const importedMs = performance.now()
const boots: number[] = []
const enhancer = await EvidenceEnhancer.open({
  poolSize: Number(process.argv[2]),
  telemetryCallback: event => {
    if (event.event === 'worker-ready') boots.push(event['bootMs'] as number)
  },
})
const openedMs = performance.now()
await enhancer.embed(['The gateway restarted after eight consecutive timeouts.'])
const embeddedMs = performance.now()
const rssBytes = process.memoryUsage.rss()
const { pool } = enhancer.stats()
await enhancer.close()
const closedMs = performance.now()
console.log(
  JSON.stringify({
    importedMs,
    openedMs,
    embeddedMs,
    closedMs,
    rssBytes,
    bootMs: boots[0] ?? 0,
    facts: pool?.workers.find(worker => worker.bootMs > 0)?.facts ?? {},
  }),
)
