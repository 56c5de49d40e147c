/** The configuration profile by which iPhones, iPads and Macs install the local authority in a few taps. Unsigned: the device says so. */
import type { AuthorityCertificate } from './authority.ts';

export function writeProfile({ name, der, fingerprint }: AuthorityCertificate): string {
  const label = escapeXml(name);
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>PayloadContent</key>
  <array>
    <dict>
      <key>PayloadType</key><string>com.apple.security.root</string>
      <key>PayloadVersion</key><integer>1</integer>
      <key>PayloadIdentifier</key><string>org.millrace.authority.certificate</string>
      <key>PayloadUUID</key><string>${uuidOf(fingerprint, 0)}</string>
      <key>PayloadDisplayName</key><string>${label}</string>
      <key>PayloadCertificateFileName</key><string>millrace-ca.crt</string>
      <key>PayloadContent</key><data>${der.toString('base64')}</data>
    </dict>
  </array>
  <key>PayloadType</key><string>Configuration</string>
  <key>PayloadVersion</key><integer>1</integer>
  <key>PayloadIdentifier</key><string>org.millrace.authority</string>
  <key>PayloadUUID</key><string>${uuidOf(fingerprint, 16)}</string>
  <key>PayloadDisplayName</key><string>${label}</string>
  <key>PayloadDescription</key><string>Lets this device trust the Millrace server on your own network, and nothing else.</string>
</dict>
</plist>
`;
}

/** The same certificate gives the same profile, so that installing it again replaces it. @param from first of sixteen bytes of the fingerprint. */
function uuidOf(fingerprint: string, from: 0 | 16): string {
  const hex = fingerprint
    .split(':')
    .slice(from, from + 16)
    .join('');
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
