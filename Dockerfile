# The job only: without the SQL engine and the demo platform, which are more than half of the full binary.
#
#   docker build -t trailhouse:0.2.0 .
#
# Both images are based on Debian 12, so the binary runs with the C library it was linked against.
FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /src

# The dependencies are a separate layer, built with an empty crate, so that a change of our code does
# not rebuild them.
COPY Cargo.toml Cargo.lock ./
COPY demo/Cargo.toml demo/
RUN mkdir -p src demo/src \
    && echo 'fn main() {}' > src/main.rs \
    && touch src/lib.rs demo/src/lib.rs \
    && cargo build --release --locked --package trailhouse --no-default-features

# Cargo compares file times, and the copied files may be older than those of the empty crate.
COPY . .
RUN touch src/main.rs src/lib.rs \
    && cargo build --release --locked --package trailhouse --no-default-features

# The C library, libgcc and the certificates of public authorities; no shell, no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/target/release/trailhouse /usr/local/bin/trailhouse
# A number, since Kubernetes cannot check whether a name is root.
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/trailhouse"]
CMD ["--help"]
