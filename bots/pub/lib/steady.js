'use strict'

const { createRequire } = require('node:module')

const { standIn } = require('./standins')

/**
 * What has ssb-gossip hang up on everybody: that a laptop woke up, which it concludes from the clock, and that it moved
 * to another network. A pub's machine does neither. But its clock is set, and interfaces come and go with the containers
 * of others. A peer that is really gone is found by TCP's keepalive.
 */
const ALARMS = ['on-wakeup', 'on-change-network']

/** Have ssb-gossip, which is to be required after this, never hear of them. */
function stayConnected () {
  const { resolve } = createRequire(require.resolve('ssb-gossip'))
  for (const name of ALARMS) standIn(resolve(name), () => {})
}

module.exports = { stayConnected }
