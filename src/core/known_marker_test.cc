#include "core/known_marker.h"

#include <gtest/gtest.h>

namespace cronfleet::core {
namespace {

TEST(KnownMarker, GivesBackTheExactTextWhateverItsForm) {
  EXPECT_LE(sizeof(KnownMarker), 40u);
  const std::string token = "00ff0123456789abcdef0123456789ab";
  for (const std::string& text :
       {"001772323200000 " + token, std::string("001772323200000 saved"), std::string("001772323200000 adopted"),
        std::string("001772323200000 closed"), std::string("001772323200000 by hand"),
        std::string("001772323200000 00FF0123456789abcdef0123456789ab"), "001772323200000 " + token + "0",
        std::string("001772323200000 zzzz0123456789abcdef0123456789ab")}) {
    KnownMarker known;
    EXPECT_FALSE(known);
    EXPECT_EQ(known.text(), std::nullopt);
    const auto marker = parse_marker(text);
    if (!marker) continue;  // not a marker at all: nobody asks us to keep it
    known.set(*marker, text);
    EXPECT_TRUE(known);
    EXPECT_EQ(known.text(), text);
    known.set(Marker{from_seconds(5), "saved"}, Marker{from_seconds(5), "saved"}.text());
    EXPECT_EQ(known.text(), "000000000005000 saved");
    known.reset();
    EXPECT_FALSE(known);
  }
}

}  // namespace
}  // namespace cronfleet::core
