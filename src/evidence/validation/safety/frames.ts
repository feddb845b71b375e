/**
 * Marks of a conversation with a model where plain text is meant to be: tokens of chat templates, tags of
 * roles, calls of tools, comments that no reader sees, links that would carry data away.
 */
import { type Found, matchAt, patternRule, type Rule } from './rule.ts'

/** The rules for such marks. */
export function frameRules(): Rule[] {
  return [...templates(), ...roles(), ...toolCalls(), ...comments(), ...links()]
}

function templates(): Rule[] {
  const what = 'a token of a chat template'
  return [
    patternRule('template', what, ['<|'], /<\|\/?[a-z][a-z0-9_]{1,40}\|>/iy),
    patternRule('template', what, ['[inst]', '[/inst]'], /\[\/?INST\]/y),
    patternRule('template', what, ['[system_prompt]', '[/system_prompt]'], /\[\/?SYSTEM_PROMPT\]/iy),
    patternRule('template', what, ['<<sys>>', '<</sys>>'], /<<\/?SYS>>/iy),
    patternRule('template', what, ['<start_of_turn>', '<end_of_turn>'], /<(?:start|end)_of_turn>/iy),
    patternRule(
      'template',
      what,
      ['## instruction:', '## system:', '## assistant:', '## human:'],
      /## (?:Instruction|System|Assistant|Human):/iy,
    ),
  ]
}

function roles(): Rule[] {
  const what = 'a tag of a role in a chat'
  const names = '(?:system|assistant|developer)[_-]?(?:prompt|message|instructions?|reminder|response)'
  return [
    patternRule(
      'role',
      what,
      ['<system', '<assistant', '<developer'],
      new RegExp(`<${names}\\b[^<>]{0,100}>`, 'iy'),
    ),
    patternRule(
      'role',
      what,
      ['</system', '</assistant', '</developer'],
      new RegExp(`</${names}\\s{0,2}>`, 'iy'),
    ),
    patternRule(
      'role',
      what,
      ['<system>', '[system]', 'system:', '<assistant>', 'assistant:'],
      /(?<![\w-])(?:<(?:system|assistant)>|\[system\]|(?<=(?:^|[\n\r>.!?"'“])[ \t#*]{0,8})(?:system|assistant):)\s{0,8}(?:you (?:are|must|should|will|can)|ignore|disregard|always|never|do not|respond|override|forget)\b/iy,
    ),
    patternRule(
      'role',
      what,
      ['"role"'],
      /"role"\s{0,8}:\s{0,8}"(?:system|developer|assistant)"\s{0,8},\s{0,16}"content"/iy,
    ),
    {
      kind: 'role',
      what,
      anchors: ['  human:'],
      find: (text, at) =>
        /\n\n(?:Assistant|AI):/.test(text.slice(at, at + 2000)) ? { start: at + 2, end: at + 8 } : undefined,
    },
  ]
}

function toolCalls(): Rule[] {
  const what = 'what looks like a call of a tool'
  const tags = '(?:tool|function)_(?:calls?|use|code|response|results?)'
  return [
    patternRule(
      'tool-call',
      what,
      ['<tool_', '</tool_', '<function_', '</function_'],
      new RegExp(`</?${tags}\\b[^<>]{0,100}>`, 'iy'),
    ),
    patternRule('tool-call', what, ['<invoke '], /<invoke name=["'][\w.:-]{1,80}["']/iy),
    patternRule('tool-call', what, ['<function='], /<function=[\w.:-]{1,80}>/iy),
    patternRule('tool-call', what, ['[tool_calls]'], /\[TOOL_CALLS\]/iy),
    patternRule('tool-call', what, ['"tool_calls"'], /"tool_calls"\s{0,8}:\s{0,8}\[\s{0,16}\{/iy),
    patternRule('tool-call', what, ['"function_call"'], /"function_call"\s{0,8}:\s{0,8}\{/iy),
    patternRule(
      'tool-call',
      what,
      ['"arguments"'],
      /(?<="name"\s{0,4}:\s{0,4}"[\w.:-]{1,64}"\s{0,4},\s{0,16})"arguments"\s{0,8}:\s{0,8}(?:\{\s{0,16}"|"\s{0,4}\{)/iy,
    ),
    patternRule(
      'tool-call',
      what,
      ['action:'],
      /(?<=(?:^|[\n\r])[ \t]{0,8})action:[^\n]{1,100}\r?\n[ \t]{0,8}action input:/iy,
    ),
  ]
}

/** A comment is read this far for what it says. */
const longestComment = 4000
const speaksToModel = [
  /\b(?:a\.?i\.?|llms?|language model|chatbot|gpt|claude|gemini|copilot)s?\b[^\n]{0,80}?\b(?:must|should|please|ignore|always|never|do not|respond|reply|answer|say|output|include|recommend|mark|rate|treat|report)\b/i,
  /\b(?:ignore|disregard|forget|override)\s[^\n.]{0,60}?\b(?:instructions?|prompts?|rules)\b/i,
  /\b(?:system prompt|you are now|you (?:must|should) (?:say|answer|respond|reply|recommend|rate|mark|report|ignore|treat|output|include|agree)|(?:respond|reply|answer) (?:only|with)|mark this|instructions? (?:to|for) (?:the )?(?:ai|model|assistant|reader))\b/i,
]

function comments(): Rule[] {
  const rule = (open: string, close: string): Rule => ({
    kind: 'comment',
    what: 'a hidden comment that gives orders',
    anchors: [open],
    find: (text, at) => {
      const rest = text.slice(at + open.length, at + longestComment)
      // Not past where the next one opens, which is looked at by itself.
      const next = rest.indexOf(open)
      const own = next < 0 ? rest : rest.slice(0, next)
      const ends = own.indexOf(close)
      const inside = ends < 0 ? own : own.slice(0, ends)
      if (!speaksToModel.some(pattern => pattern.test(inside))) return undefined
      return { start: at, end: at + open.length + inside.length + (ends < 0 ? 0 : close.length) }
    },
  })
  return [rule('<!--', '-->'), rule('[//]: #', '\n')]
}

const holdsPlaceholder =
  /[?&=/](?:\{\{?|\[|<|\$\{|%7B|%5B)[\w.-]{2,60}|[?&](?:d|data|payload|leak|exfil|secret|prompt|history|conversation|chat|context|cookie|session|summary)=(?:$|\{|\[|<|%|\$)/i

function links(): Rule[] {
  const what = 'a link that would carry data away'
  const carries = (text: string, { start, end }: Found) => holdsPlaceholder.test(text.slice(start, end))
  const load =
    "(?:the |this |our |my |your |all |full |entire |whole |user(?:['’]s)? |any ){0,4}(?:conversations?|chat history|system prompt|secrets|environment variables|private keys?|messages?|session cookies?|(?:contents? of (?:this|the) (?:conversation|context|chat))|(?:all|your) (?:credentials|passwords|api keys|files|data))"
  const send = '(?:send|post|upload|forward|exfiltrate|transmit|submit|append|leak)'
  const address = '(?:https?://[^\\s)]{4}|[\\w.+-]{1,64}@[\\w-]{1,60}\\.)'
  const orderToSend = new RegExp(
    `(?<=(?:^|[.!?:;>*\\n\\r"'“-]|\\b(?:please|must|should|always|then|and|now))\\s{0,4})` +
      `${send}\\s${load}\\s(?:[^\\s.;!?]{1,20}\\s){0,8}?(?:to|at|via)\\s${address}`,
    'iy',
  )
  return [
    patternRule(
      'exfiltration',
      what,
      ['!['],
      /!\[[^\]\n]{0,200}\]\(\s{0,4}(https?:\/\/[^\s)]{1,600})/iy,
      carries,
    ),
    patternRule(
      'exfiltration',
      what,
      ['<img'],
      /<img\b[^<>]{0,300}?\bsrc=["']?(https?:\/\/[^\s"'>]{1,600})/iy,
      carries,
    ),
    patternRule(
      'exfiltration',
      'a link that would run something',
      ['](javascript:', '](vbscript:', '](data:text/html'],
      /\]\((?:javascript:|vbscript:|data:text\/html)/iy,
    ),
    {
      kind: 'exfiltration',
      what: 'an order to send data away',
      anchors: send
        .slice(3, -1)
        .split('|')
        .map(verb => `${verb} `),
      whole: true,
      find: (text, at) => matchAt(orderToSend, text, at),
    },
  ]
}
