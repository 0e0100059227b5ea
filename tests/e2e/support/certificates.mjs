// An authority of one suite and what it signs, made with the openssl program.
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import os from "node:os";
import path from "node:path";

const openssl = (...args) => execFileSync("openssl", args, { stdio: "ignore" });
const newKey = (file) => ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", file];

export class Authority {
  constructor() {
    this.folder = mkdtempSync(path.join(os.tmpdir(), "millrace-certs-"));
    this.ca = this.file("ca.pem");
    this.count = 0;
    openssl("req", "-x509", ...newKey(this.file("ca.key")), "-subj", "/CN=The authority of a suite", "-days", "2", "-out", this.ca);
  }

  file(name) { return path.join(this.folder, name); }

  /** The files of a certificate for these names, "DNS:localhost,IP:127.0.0.1". */
  sign(names) {
    const base = this.file(String(this.count += 1));
    const [cert, key, request] = [`${base}.pem`, `${base}.key`, `${base}.csr`];
    openssl("req", "-new", ...newKey(key), "-subj", "/CN=server", "-addext", `subjectAltName=${names}`, "-out", request);
    openssl("x509", "-req", "-in", request, "-CA", this.ca, "-CAkey", this.file("ca.key"), "-copy_extensions", "copy", "-days", "2", "-out", cert);
    return { cert, key };
  }

  remove() { rmSync(this.folder, { recursive: true, force: true }); }
}
