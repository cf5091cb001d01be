# A formula for a tap of one's own. `url` and `sha256` are those of a release's source archive.
class Plimsoll < Formula
  desc "Load testing and capacity planning: how much does it carry, and what do we buy next?"
  homepage "https://plimsoll.example"
  url "https://plimsoll.example/plimsoll-0.1.0.tar.gz"
  sha256 "0000000000000000000000000000000000000000000000000000000000000000"
  license any_of: ["MIT", "Apache-2.0"]

  depends_on "rust" => :build

  def install
    system "cargo", "install", "--locked", "--profile", "dist", "--root", prefix, "--path", "."
    system bin/"plimsoll", "man", "--out", man1
    generate_completions_from_executable(bin/"plimsoll", "completions")
    pkgshare.install "scenarios/shop"
  end

  test do
    assert_match "ok; 2 scenarios", shell_output("#{bin}/plimsoll check #{pkgshare}/shop")
  end
end
