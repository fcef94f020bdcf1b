# The job alone: no SQL engine and no demo platform, which make up more than half of the full binary.
#
#   docker build -t trailhouse:0.2.0 .
#
# Both images are of Debian 12, so the binary runs with the C library that it was linked with.
FROM rust:1.95.0-slim-bookworm AS build
WORKDIR /src

# The dependencies are a layer of their own, built against an empty crate, so that a change of our
# code does not build them again.
COPY Cargo.toml Cargo.lock ./
RUN mkdir src \
    && echo 'fn main() {}' > src/main.rs \
    && touch src/lib.rs \
    && cargo build --release --locked --no-default-features

# Cargo compares times, and those of the copied files may be older than those of the empty crate.
COPY . .
RUN touch src/main.rs src/lib.rs \
    && cargo build --release --locked --no-default-features

# The C library, libgcc and the certificates of public authorities; no shell, no package manager.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build /src/target/release/trailhouse /usr/local/bin/trailhouse
# A number, since Kubernetes cannot tell whether a name is root.
USER 65532:65532
ENTRYPOINT ["/usr/local/bin/trailhouse"]
CMD ["--help"]
