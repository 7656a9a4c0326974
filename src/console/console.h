// console/console.h: serves the web console out of the binary.
//
// Every address of a page answers the same page, which finds out by itself what to show (web/src/app/pages.ts). Files
// under /assets/ have their digest in their name and are kept by browsers for good; the page is asked for again by its
// ETag. Each goes out as Brotli or gzip to whoever takes that. A build without the console says at "/" how to get it.
#pragma once

#include <vector>

#include "api/router.h"
#include "console/files.h"

namespace cronfleet::console {

// `files` is borrowed by the routes.
void add_routes(api::Router& router, const std::vector<File>& files = console::files());

}  // namespace cronfleet::console
