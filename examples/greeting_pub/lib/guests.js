'use strict'

const pull = require('pull-stream')

const { nameIn, nameOf } = require('./profile')

const LONGEST_NAME = 200

/**
 * Who came in by an invite, as a pull-stream source that goes on for ever: `{sequence, feed, note, at}` for each use
 * after message `since` of the pub's own feed, in order; and `{feed, name}` for each guest, earlier ones too, as soon
 * as the pub knows their name, and again when they change it.
 */
function guests (server, { since = 0 }) {
  const known = new Set()
  const names = new Map()
  let use = null
  let asking = false
  let waiting = null
  let over = null

  const uses = pull(
    server.createUserStream({ id: server.id, live: true, keys: false }),
    pull.filter(({ content } = {}) => content?.type === 'contact' && content.pub === true && typeof content.note === 'string')
  )
  const stopHearing = server.post(({ value }) => {
    const name = known.has(value.author) ? nameIn(value) : null
    if (name !== null) tell(value.author, name)
  })

  function ask () {
    if (asking || use || over) return
    asking = true
    uses(null, (end, value) => {
      asking = false
      if (end) over = end
      else meet(value)
      give()
    })
  }

  function meet ({ sequence, timestamp, content }) {
    const feed = content.contact
    if (sequence > since) use = { sequence, feed, note: content.note, at: timestamp }
    else if (known.has(feed)) return
    known.add(feed)
    // A name that came meanwhile is the newer one.
    nameOf(server, feed).then((name) => name !== null && !names.has(feed) && tell(feed, name), () => {})
  }

  function tell (feed, name) {
    names.set(feed, name.slice(0, LONGEST_NAME))
    give()
  }

  /** Answer whoever waits, if there is something: uses first, so that no name comes before its guest. */
  function give () {
    if (!waiting) return
    const done = waiting
    if (use) {
      const next = use
      use = waiting = null
      return done(null, next)
    }
    const [first] = names
    if (first) {
      const [feed, name] = first
      names.delete(feed)
      waiting = null
      return done(null, { feed, name })
    }
    if (over) {
      waiting = null
      stopHearing()
      return done(over)
    }
    // On the next turn of the loop, so that a long feed does not deepen the stack.
    setImmediate(ask)
  }

  return (abort, done) => {
    if (abort) {
      over = abort
      stopHearing()
      waiting?.(abort)
      waiting = null
      return uses(abort, () => done(abort))
    }
    waiting = done
    give()
  }
}

module.exports = { guests }
