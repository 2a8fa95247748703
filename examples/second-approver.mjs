// A second person approves what is archived: answers Claude Code's HTTP hook `Elicitation` with what that person types here.
// `node examples/second-approver.mjs [PORT]` in a terminal of their own; docs/safety.md has the hook. An empty line declines.
import { createServer } from 'node:http'
import { createInterface } from 'node:readline/promises'

const terminal = createInterface({ input: process.stdin, output: process.stdout })
let lastQuestion = Promise.resolve()

const server = createServer(async (request, response) => {
  try {
    if (!isFromHook(request)) return void response.writeHead(403).end()
    const form = await readForm(request)
    const question = lastQuestion.then(() => ask(form, response))
    // One form after the other.
    lastQuestion = question.catch(() => {})
    const answer = { hookEventName: 'Elicitation', ...(await question) }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ hookSpecificOutput: answer }))
  } catch (error) {
    console.log(`\nNot answered: ${error.message}`)
    response.writeHead(400).end()
  }
})
server.listen(Number(process.argv[2] ?? 8787), '127.0.0.1', () =>
  console.log(`Forms arrive at http://127.0.0.1:${server.address().port}/`),
)
// Without a person nothing is answered.
terminal.on('close', () => process.exit())

/** No page of a browser: those cannot send JSON without asking before, nor this Host. */
function isFromHook({ method, headers, socket }) {
  const isHere = ['127.0.0.1', 'localhost'].some((name) => headers.host === `${name}:${socket.localPort}`)
  return method === 'POST' && isHere && headers['content-type']?.startsWith('application/json')
}

async function readForm(request) {
  let text = ''
  for await (const chunk of request.setEncoding('utf8')) {
    text += chunk
    if (text.length > 100_000) throw new Error('too long')
  }
  const { mcp_server_name: name, message, requested_schema: schema } = JSON.parse(text)
  const [[field, { title }], ...others] = Object.entries(schema.properties)
  if (others.length > 0) throw new Error('more than one field')
  return { field, text: `\n${name} asks:\n${message}\n${title ?? field}\n`.replace(/[^\P{C}\n]/gu, '?') }
}

/** Withdraws the question when the hook has timed out. */
async function ask({ field, text }, response) {
  const withdrawal = new AbortController()
  response.on('close', () => withdrawal.abort())
  if (response.destroyed) throw new Error('the client has left')
  const typed = (await terminal.question(`${text}> `, { signal: withdrawal.signal })).trim()
  return typed === '' ? { action: 'decline' } : { action: 'accept', content: { [field]: typed } }
}
