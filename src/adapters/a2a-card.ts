/** What the agent says of itself to other agents: its skills, how to reach it, and what it asks of a caller. */
import { A2A_PROTOCOL_VERSION, type AgentCard, type AgentSkill } from '@a2a-js/sdk'
import { version } from '../runner.ts'

/** Where on the server each transport answers. */
export const a2aPaths = { jsonRpc: '/a2a/jsonrpc', rest: '/a2a/rest' } as const

const claim = 'The checkout gateway restarted twice on Monday.'
const content = 'On Monday the checkout gateway restarted twice, at 09:12 and at 14:40.'

const skills: readonly Omit<AgentSkill, 'inputModes' | 'outputModes' | 'securityRequirements'>[] = [
  {
    id: 'check_claim',
    name: 'Check a claim',
    description:
      'Checks one claim against the sources sent with it: a verdict (supported, refuted, disputed or ' +
      'not-enough-evidence) with a calibrated confidence and verbatim citations with their offsets. Send one data ' +
      'part { claim, sources: [{ content, id?, title? }], options?: { timeoutMs?, priority? } }, or it as JSON text.',
    tags: ['evidence', 'verification', 'claims', 'citations'],
    examples: [JSON.stringify({ claim, sources: [{ content }] })],
  },
  {
    id: 'check_claims',
    name: 'Check claims',
    description:
      'Checks many claims, each against its own sources; an artifact comes for each as it is done, in order. Send ' +
      'one data part { claims: [{ claim, sources }, …] }.',
    tags: ['evidence', 'verification', 'claims', 'batch'],
    examples: [JSON.stringify({ claims: [{ claim, sources: [{ content }] }] })],
  },
]

/**
 * The agent's card.
 * @param url where the agent is reached from outside, without a path: http://127.0.0.1:4000
 */
export function evidenceAgentCard(url: string, options: { readonly token?: boolean } = {}): AgentCard {
  const modes = {
    inputModes: ['application/json', 'text/plain'],
    outputModes: ['application/json', 'text/plain'],
  }
  const [schemes, requirements]: [AgentCard['securitySchemes'], AgentCard['securityRequirements']] =
    options.token === true
      ? [
          {
            bearer: {
              scheme: {
                $case: 'httpAuthSecurityScheme',
                value: { description: 'The token of this agent', scheme: 'Bearer', bearerFormat: '' },
              },
            },
          },
          [{ schemes: { bearer: { list: [] } } }],
        ]
      : [{}, []]
  const reached = (path: string, protocolBinding: string) => ({
    url: `${url}${path}`,
    protocolBinding,
    protocolVersion: A2A_PROTOCOL_VERSION,
    tenant: '',
  })
  return {
    name: 'evidence-runner',
    description: 'Checks claims against evidence on the machine it runs on; nothing that is sent leaves it.',
    version,
    provider: undefined,
    supportedInterfaces: [reached(a2aPaths.jsonRpc, 'JSONRPC'), reached(a2aPaths.rest, 'HTTP+JSON')],
    capabilities: { streaming: true, pushNotifications: false, extendedAgentCard: false, extensions: [] },
    securitySchemes: schemes,
    securityRequirements: requirements,
    defaultInputModes: modes.inputModes,
    defaultOutputModes: modes.outputModes,
    skills: skills.map(skill => ({ ...skill, ...modes, securityRequirements: [] })),
    signatures: [],
  }
}
