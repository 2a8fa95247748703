import { once } from 'node:events'
import { createServer } from 'node:http'

const CALL_ID = 'call_1'
const LAST_WORDS = 'Done.'

/**
 * A model on 127.0.0.1 that speaks the protocols of three providers. It calls one tool once, then ends its turn.
 * `toolNames` are the names that reached it, `results` the tool results as it was given them.
 */
export async function startFakeModel({ name: wanted, arguments: args }) {
  const toolNames = new Set()
  const results = []
  const server = createServer(async (request, response) => {
    const chunks = []
    for await (const chunk of request) chunks.push(chunk)
    const provider = PROVIDERS.find(({ path }) => path.test(request.url))
    if (request.method !== 'POST' || !provider) return void response.writeHead(404).end('{}')
    const body = JSON.parse(Buffer.concat(chunks).toString('utf8') || '{}')
    const tools = provider.readTools(body)
    for (const { name } of tools) toolNames.add(name)
    const result = provider.readResult(body)
    if (result !== undefined) results.push(result)
    const tool = result === undefined ? tools.find(({ name }) => name.replaceAll('_', '-').endsWith(wanted)) : undefined
    response.writeHead(200, { 'content-type': provider.contentType(request.url) })
    response.end(provider.write(request.url, body, tool && { ...tool, args }))
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    toolNames,
    results,
    stop: () => {
      server.closeAllConnections()
      server.close()
    },
  }
}

const sse = (events) => events.map((event) => `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`).join('')

const anthropic = {
  path: /\/v1\/messages(\?|$)/,
  contentType: () => 'text/event-stream',
  readTools: ({ tools = [] }) => tools.map(({ name }) => ({ name, call: name })),
  readResult: ({ messages = [] }) => {
    const blocks = messages.flatMap(({ content }) => (Array.isArray(content) ? content : []))
    const result = blocks.find(({ type }) => type === 'tool_result')
    return result && JSON.stringify(result.content)
  },
  write: (_url, { model }, tool) =>
    sse([
      {
        type: 'message_start',
        message: {
          id: 'msg_1',
          type: 'message',
          role: 'assistant',
          model,
          content: [],
          stop_reason: null,
          stop_sequence: null,
          usage: { input_tokens: 1, output_tokens: 1 },
        },
      },
      {
        type: 'content_block_start',
        index: 0,
        content_block: tool
          ? { type: 'tool_use', id: CALL_ID, name: tool.call, input: {} }
          : { type: 'text', text: '' },
      },
      {
        type: 'content_block_delta',
        index: 0,
        delta: tool
          ? { type: 'input_json_delta', partial_json: JSON.stringify(tool.args) }
          : { type: 'text_delta', text: LAST_WORDS },
      },
      { type: 'content_block_stop', index: 0 },
      {
        type: 'message_delta',
        delta: { stop_reason: tool ? 'tool_use' : 'end_turn', stop_sequence: null },
        usage: { output_tokens: 1 },
      },
      { type: 'message_stop' },
    ]),
}

const openai = {
  path: /\/responses(\?|$)/,
  contentType: () => 'text/event-stream',
  // Codex gathers the tools of one server in a namespace.
  readTools: ({ tools = [] }) =>
    tools.flatMap((tool) =>
      tool.type === 'namespace'
        ? tool.tools.map(({ name }) => ({ name, call: name, namespace: tool.name }))
        : [{ name: tool.name ?? tool.type, call: tool.name }],
    ),
  readResult: ({ input = [] }) => {
    const result = Array.isArray(input) ? input.find(({ type }) => type === 'function_call_output') : undefined
    return result && JSON.stringify(result.output)
  },
  write: (_url, _body, tool) => {
    const item = tool
      ? {
          type: 'function_call',
          id: 'fc_1',
          call_id: CALL_ID,
          name: tool.call,
          ...(tool.namespace && { namespace: tool.namespace }),
          arguments: JSON.stringify(tool.args),
        }
      : {
          type: 'message',
          id: 'msg_1',
          role: 'assistant',
          content: [{ type: 'output_text', text: LAST_WORDS, annotations: [] }],
        }
    const usage = { input_tokens: 1, output_tokens: 1, total_tokens: 2 }
    return sse([
      { type: 'response.created', response: { id: 'resp_1' } },
      { type: 'response.output_item.done', output_index: 0, item },
      { type: 'response.completed', response: { id: 'resp_1', output: [item], usage } },
    ])
  },
}

const gemini = {
  path: /:(stream)?[gG]enerateContent/,
  contentType: (url) => (url.includes('stream') ? 'text/event-stream' : 'application/json'),
  readTools: ({ tools = [] }) =>
    tools.flatMap(({ functionDeclarations = [] }) => functionDeclarations).map(({ name }) => ({ name, call: name })),
  readResult: ({ contents = [] }) => {
    const part = contents.flatMap(({ parts = [] }) => parts).find(({ functionResponse }) => functionResponse)
    return part && JSON.stringify(part.functionResponse.response)
  },
  write: (url, _body, tool) => {
    const part = tool ? { functionCall: { name: tool.call, args: tool.args } } : { text: LAST_WORDS }
    const answer = JSON.stringify({
      candidates: [{ content: { role: 'model', parts: [part] }, finishReason: 'STOP', index: 0 }],
      usageMetadata: { promptTokenCount: 1, candidatesTokenCount: 1, totalTokenCount: 2 },
    })
    return url.includes('stream') ? `data: ${answer}\n\n` : answer
  },
}

const PROVIDERS = [anthropic, openai, gemini]
