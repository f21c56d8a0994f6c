/* html_page.h - the page itself, without spans: made of src/view/page/ by the Makefile, and part of this program. */
#ifndef RUN_TRACED_VIEW_HTML_PAGE_H
#define RUN_TRACED_VIEW_HTML_PAGE_H

/* What stands before the packed spans, and after them: from the first byte to before the second. */
extern const char html_page_head[], html_page_head_end[], html_page_tail[], html_page_tail_end[];

#endif
