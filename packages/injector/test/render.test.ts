import t from 'tap';
import { interceptionTable } from '../src/model/interception.js';
import { renderIptablesText } from '../src/render/iptables-text.js';
import { renderNftText } from '../src/render/nft-text.js';
import { interceptionRules } from '../src/rules/parse.js';

const table = interceptionTable(
  interceptionRules({
    proxy: { uid: 1337, mark: 1337 },
    exclude: {
      inboundPorts: [9090, 15021],
      outboundPorts: [5432],
      outboundCidrs: ['10.0.0.0/8', '192.0.2.1', '2001:db8:4000::/35', 'fd00::1/128'],
      uids: [101],
    },
  }),
);

t.test('nft text', async (t) => {
  t.equal(
    renderNftText(table),
    `table inet tulle
delete table inet tulle
table inet tulle {
	chain output {
		type nat hook output priority -100; policy accept;
		meta skuid 1337 return comment "the proxy itself, by user"
		meta mark 0x00000539 return comment "the proxy itself, by mark"
		oifname "lo" return comment "within the pod"
		meta skuid 101 return comment "excluded user"
		tcp dport 5432 return comment "excluded outbound port"
		ip daddr 10.0.0.0/8 return comment "excluded network"
		ip daddr 192.0.2.1 return comment "excluded network"
		ip6 daddr 2001:db8:4000::/35 return comment "excluded network"
		ip6 daddr fd00::1 return comment "excluded network"
		meta l4proto tcp redirect to :15001 comment "to the sidecar, outbound"
	}

	chain prerouting {
		type nat hook prerouting priority dstnat; policy accept;
		iifname "lo" return comment "within the pod"
		tcp dport 15000 return comment "sidecar admin"
		tcp dport 15006 return comment "sidecar inbound"
		tcp dport 15020 return comment "sidecar metrics"
		tcp dport 15021 return comment "sidecar health"
		tcp dport 9090 return comment "excluded inbound port"
		meta l4proto tcp redirect to :15006 comment "to the sidecar, inbound"
	}
}
`,
  );
});

t.test('iptables-restore text, one for both families', async (t) => {
  t.equal(
    renderIptablesText(table),
    `# iptables-restore --noflush < FILE; ip6tables-restore --noflush < FILE
*nat
:TULLE_OUTPUT - [0:0]
:TULLE_PREROUTING - [0:0]
-A OUTPUT -p tcp -j TULLE_OUTPUT
-A PREROUTING -p tcp -j TULLE_PREROUTING
-A TULLE_OUTPUT -m owner --uid-owner 1337 -j RETURN
-A TULLE_OUTPUT -m mark --mark 0x539 -j RETURN
-A TULLE_OUTPUT -o lo -j RETURN
-A TULLE_OUTPUT -m owner --uid-owner 101 -j RETURN
-A TULLE_OUTPUT -p tcp --dport 5432 -j RETURN
-A TULLE_OUTPUT -4 -d 10.0.0.0/8 -j RETURN
-A TULLE_OUTPUT -4 -d 192.0.2.1/32 -j RETURN
-A TULLE_OUTPUT -6 -d 2001:db8:4000::/35 -j RETURN
-A TULLE_OUTPUT -6 -d fd00::1/128 -j RETURN
-A TULLE_OUTPUT -p tcp -j REDIRECT --to-ports 15001
-A TULLE_PREROUTING -i lo -j RETURN
-A TULLE_PREROUTING -p tcp --dport 15000 -j RETURN
-A TULLE_PREROUTING -p tcp --dport 15006 -j RETURN
-A TULLE_PREROUTING -p tcp --dport 15020 -j RETURN
-A TULLE_PREROUTING -p tcp --dport 15021 -j RETURN
-A TULLE_PREROUTING -p tcp --dport 9090 -j RETURN
-A TULLE_PREROUTING -p tcp -j REDIRECT --to-ports 15006
COMMIT
`,
  );
});
