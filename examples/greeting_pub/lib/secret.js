'use strict'

const path = require('node:path')

const ssbKeys = require('ssb-keys')

const { Refusal } = require('./exits')
const { readIfThere, writeDurably } = require('./files')

const HEADER = `# WARNING: Never show this to anyone.
# WARNING: Never edit it or use it on multiple devices at once.
#
# This is the pub's SECRET: whoever has it can speak as the pub. Used in two places at once it forks the feed, and
# others stop replicating it for good.
#
`

/** The pub's keys, made at its first start. `known` is the last sequence that anybody remembers of its feed. */
async function keysOf (folder, known) {
  const file = path.join(folder, 'secret')
  let text
  try {
    text = await readIfThere(file)
  } catch (error) {
    throw new Refusal('secret-damaged', `The pub's secret cannot be read: ${error.code}.`)
  }
  if (text === null) {
    if (known) {
      const message = `The pub's secret is missing, although its feed has ${known} messages. Restore the file "secret" from a copy.`
      throw new Refusal('secret-damaged', message)
    }
    const keys = ssbKeys.generate('ed25519')
    await writeDurably(file, `${HEADER}${JSON.stringify(keys, null, 2)}\n#\n# Its public name:\n#\n#   ${keys.id}\n`, 0o400)
    return keys
  }
  return parse(text)
}

function parse (text) {
  let keys
  try {
    keys = JSON.parse(text.replace(/^\s*#.*$/gm, ''))
  } catch {
    throw damaged()
  }
  const publicKey = bytes(keys?.public)
  const privateKey = bytes(keys?.private)
  // The second half of an ed25519 private key is the public one: a mixed-up file shows here.
  const fits = publicKey?.length === 32 && privateKey?.length === 64 && privateKey.subarray(32).equals(publicKey)
  if (!fits || keys.curve !== 'ed25519') throw damaged()
  return { ...keys, id: '@' + keys.public }
}

function bytes (key) {
  return typeof key === 'string' && key.endsWith('.ed25519') ? Buffer.from(key.slice(0, -8), 'base64') : null
}

function damaged () {
  return new Refusal('secret-damaged', 'The pub\'s secret is damaged. Restore the file "secret" from a good copy.')
}

module.exports = { keysOf }
