#include "view/html_page.h"

/* HTML_PAGE: the folder with the two parts, from the Makefile. */
#define PART(name)                                                                                                     \
    ".global html_page_" name "\n.global html_page_" name "_end\n"                                                     \
    "html_page_" name ":\n.incbin \"" HTML_PAGE "/" name ".html\"\nhtml_page_" name "_end:\n"

__asm__(".section .rodata\n" PART("head") PART("tail") ".byte 0\n.previous\n");
