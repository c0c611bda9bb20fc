'use strict'

const dns = require('node:dns')
const net = require('node:net')

const RANGES = {
  loopback: ['127.0.0.0/8', '::1/128'],
  private: [
    '0.0.0.0/8', '10.0.0.0/8', '100.64.0.0/10', '172.16.0.0/12', '192.0.0.0/24', '192.168.0.0/16', '198.18.0.0/15',
    '::/128', 'fc00::/7', 'fec0::/10'
  ],
  linkLocal: ['169.254.0.0/16', 'fe80::/10'],
  nowhere: ['224.0.0.0/4', '240.0.0.0/4', 'ff00::/8'],
  // Addresses that carry an IPv4 address inside, which a gateway may unwrap.
  wrapped: ['64:ff9b::/96', '64:ff9b:1::/48', '2002::/16', '2001::/32']
}

const LISTS = Object.fromEntries(Object.entries(RANGES).map(([name, ranges]) => [name, blockList(ranges)]))

function blockList (ranges) {
  const list = new net.BlockList()
  for (const range of ranges) {
    const [address, bits] = range.split('/')
    list.addSubnet(address, Number(bits), family(address))
  }
  return list
}

function family (address) {
  return net.isIPv6(address) ? 'ipv6' : 'ipv4'
}

/** Whether an IP address lies in the ranges of that name. An IPv4 address written as IPv6 counts as IPv4. */
function isInside (address, name) {
  return LISTS[name].check(address, family(address))
}

/** Whether a fenced pub must leave this IP address alone: it is not one of the open internet. */
function isFenced (address) {
  const bare = address.split('%')[0]
  return Object.keys(LISTS).some((name) => isInside(bare, name))
}

/** `dns.lookup` that answers only addresses outside the fence: what was checked is what is dialled. */
function fencedLookup (host, options, done) {
  dns.lookup(host, { ...options, all: true }, (error, addresses) => {
    if (error) return done(error)
    const open = addresses.filter(({ address }) => !isFenced(address))
    if (!open.length) return done(new Error(`${host} does not lead to an address on the public internet`))
    if (options.all) done(null, open)
    else done(null, open[0].address, open[0].family)
  })
}

module.exports = { isInside, isFenced, fencedLookup }
