'use strict'

/** What feeds say of themselves in their messages of the type `about`, and saying so of the pub. */
class Profile {
  constructor (server) {
    this._server = server
    this._turn = Promise.resolve()
  }

  /** Have the pub's feed say this of it: `{sequence}` of the message that does. What it says already is not said again. */
  describe ({ name, description }) {
    if (typeof name !== 'string' || typeof description !== 'string') {
      return Promise.reject(new Error('a profile has a name and a description'))
    }
    const result = this._turn.then(async () => {
      const { id } = this._server
      const said = await latest(this._server, id, {})
      const { name: oldName, description: old } = said?.content ?? {}
      if (oldName === name && (old ?? '') === description) return { sequence: said.sequence }
      const { sequence } = await publish(this._server, { type: 'about', about: id, name, description })
      return { sequence }
    })
    this._turn = result.catch(() => {})
    return result
  }
}

/** The name that a feed gave itself last, as far as the pub has its messages; null when it gave none. */
async function nameOf (server, feed) {
  const said = await latest(server, feed, { name: { $is: 'string' } })
  return said?.content.name ?? null
}

/** The name in a message by which a feed names itself, else null. */
function nameIn ({ author, content }) {
  const isName = content?.type === 'about' && content.about === author && typeof content.name === 'string'
  return isName ? content.name : null
}

function latest (server, feed, more) {
  const filter = { value: { author: feed, content: { type: 'about', about: feed, ...more } } }
  const source = server.query.read({ query: [{ $filter: filter }], reverse: true, limit: 1 })
  return new Promise((resolve, reject) => {
    source(null, (end, message) => {
      if (end) return end === true ? resolve(null) : reject(end)
      source(true, () => resolve(message.value))
    })
  })
}

function publish (server, content) {
  return new Promise((resolve, reject) => {
    server.publish(content, (error, message) => error ? reject(error) : resolve(message.value))
  })
}

module.exports = { Profile, nameOf, nameIn }
