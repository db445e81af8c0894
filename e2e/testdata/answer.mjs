import { createInterface } from 'node:readline'

// answer replies to each line of JSON with one, and ends with the input.
export async function answer(reply) {
  for await (const line of createInterface({ input: process.stdin })) {
    let out
    try {
      out = await reply(JSON.parse(line))
    } catch (err) {
      out = { error: `${err.code ?? err.name}: ${err.message}` }
    }
    process.stdout.write(JSON.stringify(out) + '\n')
  }
  process.exit()
}
