#!/bin/sh
# Makes an authority for development and certificates by it: of a server, which may also call others,
# and of a client. Valid for 30 days, for localhost, 127.0.0.1 and the names in docker-compose.yml.
# Usage: certificates.sh FOLDER
set -eu
folder=$1
mkdir -p "$folder"
cd "$folder"
umask 077

authority() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 30 -sha256 \
    -subj "/CN=Yupana's authority for development" \
    -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign \
    -keyout ca.key -out ca.pem 2>/dev/null
}

# certificate NAME USAGE SUBJECT_ALT_NAME
certificate() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj "/CN=$1" \
    -keyout "$1.key" -out "$1.csr" 2>/dev/null
  printf 'basicConstraints=CA:FALSE\nextendedKeyUsage=%s\nsubjectAltName=%s\n' "$2" "$3" > "$1.ext"
  openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -sha256 \
    -extfile "$1.ext" -out "$1.new" 2>/dev/null
  mv "$1.new" "$1.pem"
  rm "$1.csr" "$1.ext"
}

[ -f ca.pem ] || authority
certificate server serverAuth,clientAuth \
  "DNS:localhost,IP:127.0.0.1,DNS:ledger,DNS:feed,DNS:worker,DNS:edge"
certificate client clientAuth "DNS:client"
chmod 644 ./*.pem
echo "certificates in $folder: ca.pem, server.pem and server.key, client.pem and client.key"
